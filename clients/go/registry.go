package main

import (
	"context"
	"iter"
	"log"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "example.com/ndp-client/gen/ndp/registry/v1"
)

// platforms lists the whole catalogue, page by page.
func platforms(
	ctx context.Context, client pb.CatalogueServiceClient,
) iter.Seq2[*pb.Platform, error] {
	return func(yield func(*pb.Platform, error) bool) {
		request := &pb.ListPlatformsRequest{}
		for {
			page, err := client.ListPlatforms(ctx, request)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, platform := range page.GetPlatforms() {
				if !yield(platform, nil) {
					return
				}
			}
			if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
				return
			}
		}
	}
}

// submitNewPlan drafts a plan and hands it in. The request ids make it safe that the channel tries
// again when an answer was lost (see serviceConfig): what was done is answered, not done twice.
func submitNewPlan(
	ctx context.Context, client pb.PlanServiceClient, platform, id, title string,
) (*pb.Plan, error) {
	draft, err := client.CreatePlan(ctx, &pb.CreatePlanRequest{
		Parent:    platform,
		PlanId:    id,
		Plan:      &pb.Plan{DisplayName: title},
		RequestId: uuid.NewString(),
	})
	if err != nil {
		return nil, err
	}
	return client.SubmitPlan(ctx, &pb.SubmitPlanRequest{
		Name:      draft.GetName(),
		Etag:      draft.GetEtag(),
		RequestId: uuid.NewString(),
	})
}

// watch hands on every change after a position of the log, each once and in order, until ctx ends;
// without a position, every change there is. When the server goes away it resumes after the last
// position received; keep that one to resume later. A registry that was restored from a backup, or
// failed over, may lack changes that were handed on: then it ends with the reason LOG_DIVERGED.
// State built from the changes has to be rebuilt, by a watch without a position.
func watch(
	ctx context.Context,
	client pb.ChangeServiceClient,
	after string,
	handle func(change *pb.Change, position string) error,
) error {
	for {
		err := follow(ctx, client, &after, handle)
		if status.Code(err) != codes.Unavailable {
			return err
		}
		log.Printf("resuming after position %q: %v", after, err)
		select {
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		case <-time.After(time.Second):
		}
	}
}

func follow(
	ctx context.Context,
	client pb.ChangeServiceClient,
	after *string,
	handle func(change *pb.Change, position string) error,
) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	request := &pb.WatchChangesRequest{Start: pb.WatchChangesRequest_BEGINNING}
	if *after != "" {
		request.Start = pb.WatchChangesRequest_RESUME
		request.ResumePosition = *after
	}
	stream, err := client.WatchChanges(ctx, request)
	if err != nil {
		return err
	}
	for {
		message, err := stream.Recv()
		if err != nil {
			return err
		}
		if change := message.GetChange(); change != nil {
			if err := handle(change, message.GetPosition()); err != nil {
				return err
			}
		}
		*after = message.GetPosition()
	}
}

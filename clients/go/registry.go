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

// watch hands on every change after a revision, each once and in order, until ctx ends. When the
// server goes away it resumes after the last revision received; keep that one to resume later.
func watch(
	ctx context.Context, client pb.ChangeServiceClient, after int64, handle func(*pb.Change) error,
) error {
	for {
		err := follow(ctx, client, &after, handle)
		if status.Code(err) != codes.Unavailable {
			return err
		}
		log.Printf("resuming after revision %d: %v", after, err)
		select {
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		case <-time.After(time.Second):
		}
	}
}

func follow(
	ctx context.Context, client pb.ChangeServiceClient, after *int64, handle func(*pb.Change) error,
) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.WatchChanges(ctx, &pb.WatchChangesRequest{
		Start:          pb.WatchChangesRequest_RESUME,
		ResumeRevision: *after,
	})
	if err != nil {
		return err
	}
	for {
		message, err := stream.Recv()
		if err != nil {
			return err
		}
		if change := message.GetChange(); change != nil {
			if err := handle(change); err != nil {
				return err
			}
		}
		*after = message.GetRevision()
	}
}

// Command ndp-client is a client of the NDP Registry to copy and start from.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "example.com/ndp-client/gen/ndp/registry/v1"
)

//go:generate buf generate

const usage = `usage:
  ndp-client platforms                         list all platforms
  ndp-client plan PLATFORM PLAN_ID TITLE       draft a plan and submit it
  ndp-client watch [POSITION]                  follow the changes after a position
  ndp-client verify FILE PUBLIC_KEY [CHANGE]   verify that the log continues the checkpoint kept in
                                               a file, and that a change is in it

NDP_SERVER is the registry's URL, by default http://127.0.0.1:50051; NDP_KEY an API key.
For https://, NDP_CA is a file of certificates to trust, by default those of the system;
NDP_CERTIFICATE and NDP_CERTIFICATE_KEY are files of the client's own.`

var errUsage = errors.New(usage)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case err == nil || status.Code(err) == codes.Canceled:
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(64)
	default:
		fmt.Fprint(os.Stderr, describe(err))
		os.Exit(1)
	}
}

// isCommand says whether the first argument is a command; otherwise there is no need to connect.
func isCommand(args []string) bool {
	return len(args) > 0 && slices.Contains([]string{"platforms", "plan", "watch", "verify"}, args[0])
}

func run(ctx context.Context, args []string) error {
	conn, err := dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	if !isCommand(args) {
		return errUsage
	}
	if err := connect(ctx, conn); err != nil {
		return err
	}

	switch {
	case len(args) == 1 && args[0] == "platforms":
		for platform, err := range platforms(ctx, pb.NewCatalogueServiceClient(conn)) {
			if err != nil {
				return err
			}
			fmt.Printf("%s %s\n", platform.GetName(), platform.GetDisplayName())
		}
		return nil

	case len(args) == 4 && args[0] == "plan":
		plan, err := submitNewPlan(ctx, pb.NewPlanServiceClient(conn), args[1], args[2], args[3])
		if err != nil {
			return err
		}
		fmt.Printf("%s %s\n", plan.GetName(), plan.GetState())
		return nil

	case len(args) <= 2 && len(args) > 0 && args[0] == "watch":
		after := ""
		if len(args) == 2 {
			after = args[1]
		}
		show := func(change *pb.Change, position string) error {
			// the first effect is what the method answers; others follow from it
			fmt.Println(position, change.GetMethod(), change.GetEffects()[0].GetResource())
			return nil
		}
		return watch(ctx, pb.NewChangeServiceClient(conn), after, show)

	case (len(args) == 3 || len(args) == 4) && args[0] == "verify":
		client := pb.NewChangeServiceClient(conn)
		tree, err := newestCheckpoint(ctx, client, args[1], args[2])
		if err != nil {
			return err
		}
		if len(args) == 4 {
			if err := proveChange(ctx, client, args[3], tree); err != nil {
				return err
			}
			fmt.Println(args[3])
		}
		fmt.Println(tree.N, tree.Hash)
		return nil
	}
	return errUsage
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// serviceConfig has the channel wait for a server that restarts, and try a call again whose answer
// was lost. A write needs a request id for that.
const serviceConfig = `{
  "methodConfig": [
    {
      "name": [{"service": "ndp.registry.v1.ChangeService", "method": "WatchChanges"}],
      "waitForReady": true
    },
    {
      "name": [{}],
      "waitForReady": true,
      "timeout": "30s",
      "retryPolicy": {
        "maxAttempts": 5,
        "initialBackoff": "0.2s",
        "maxBackoff": "5s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"]
      }
    }
  ]
}`

// dial opens the channel that NDP_SERVER and NDP_KEY describe.
func dial() (*grpc.ClientConn, error) {
	server, err := url.Parse(cmp.Or(os.Getenv("NDP_SERVER"), "http://127.0.0.1:50051"))
	if err != nil {
		return nil, err
	}
	var transport credentials.TransportCredentials
	switch server.Scheme {
	case "http":
		transport = insecure.NewCredentials()
	case "https":
		transport = credentials.NewTLS(nil)
	default:
		return nil, fmt.Errorf("NDP_SERVER %q is no http:// or https:// URL", server)
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second}),
	}
	if key := os.Getenv("NDP_KEY"); key != "" {
		options = append(options, grpc.WithPerRPCCredentials(apiKey(key)))
	}
	return grpc.NewClient(server.Host, options...)
}

// apiKey sends an API key with every call.
type apiKey string

func (key apiKey) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(key)}, nil
}

// RequireTransportSecurity is left to NDP_SERVER: a registry on this machine has no TLS.
func (apiKey) RequireTransportSecurity() bool { return false }

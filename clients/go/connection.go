package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
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

// connectTimeout is how long a registry may take to answer for the first time. A channel that has
// been open waits longer: for a server that restarts.
const connectTimeout = 10 * time.Second

// address is the URL of the registry.
func address() string {
	return cmp.Or(os.Getenv("NDP_SERVER"), "http://127.0.0.1:50051")
}

// connect waits for the registry, or says which one does not answer and what to do.
func connect(ctx context.Context, conn *grpc.ClientConn) error {
	limited, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	for state := conn.GetState(); state != connectivity.Ready; state = conn.GetState() {
		conn.Connect()
		if conn.WaitForStateChange(limited, state) {
			continue
		}
		if ctx.Err() != nil {
			return status.FromContextError(ctx.Err()).Err()
		}
		return fmt.Errorf("no registry answers at %s; start one with `ndp-registry serve`, "+
			"or set NDP_SERVER to the URL of a registry that is running", address())
	}
	return nil
}

// dial opens the channel that NDP_SERVER and NDP_KEY describe.
func dial() (*grpc.ClientConn, error) {
	server, err := url.Parse(address())
	if err != nil || server.Host == "" {
		server = &url.URL{}
	}
	var transport credentials.TransportCredentials
	switch server.Scheme {
	case "http":
		transport = insecure.NewCredentials()
	case "https":
		config, err := tlsConfig()
		if err != nil {
			return nil, err
		}
		transport = credentials.NewTLS(config)
	default:
		return nil, fmt.Errorf("NDP_SERVER is %q; set it to a URL that begins with http:// or "+
			"https://, for example http://127.0.0.1:50051", address())
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

// tlsConfig trusts the certificates in the file that NDP_CA names, or else those that the system
// trusts, and shows the certificate of NDP_CERTIFICATE and NDP_CERTIFICATE_KEY to a registry that
// asks for one.
func tlsConfig() (*tls.Config, error) {
	config := &tls.Config{}
	if file := os.Getenv("NDP_CA"); file != "" {
		roots, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("NDP_CA: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(roots) {
			return nil, fmt.Errorf("NDP_CA: there is no certificate in %s", file)
		}
	}
	if file := os.Getenv("NDP_CERTIFICATE"); file != "" {
		own, err := tls.LoadX509KeyPair(file, os.Getenv("NDP_CERTIFICATE_KEY"))
		if err != nil {
			return nil, fmt.Errorf("NDP_CERTIFICATE: %w", err)
		}
		config.Certificates = []tls.Certificate{own}
	}
	return config, nil
}

// apiKey sends an API key with every call.
type apiKey string

func (key apiKey) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(key)}, nil
}

// RequireTransportSecurity is left to NDP_SERVER: a registry on this machine has no TLS.
func (apiKey) RequireTransportSecurity() bool { return false }

// Runs Argo CD's application controller with its repository server, and a Redis in memory, as one program on loopback.
//
// The first argument is the port of the repository server, the others are those of argocd-application-controller. Files are
// written to TMPDIR. The controller's metrics are on loopback, too, because tools/build-gitops-engines has that compiled into it.
package main

import (
	"context"
	"fmt"
	"net"
	"os"

	"github.com/alicebob/miniredis/v2"
	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	reposerver "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
	"github.com/spf13/cobra"
)

const loopback = "127.0.0.1"

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: argocd <port of the repository server> <arguments of the controller>")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run returns when one of the servers ends.
func run(port string, arguments []string) error {
	redis, err := miniredis.Run()
	if err != nil {
		return err
	}
	ended := make(chan error, 2)
	go execute(ended, reposerver.NewCommand(), []string{
		"--redis", redis.Addr(),
		"--address", loopback, "--port", port, "--disable-tls",
		"--metrics-address", loopback, "--metrics-port", "0",
	})
	go execute(ended, controller.NewCommand(), append([]string{
		"--redis", redis.Addr(),
		"--repo-server", net.JoinHostPort(loopback, port), "--repo-server-plaintext",
		"--metrics-port", "0",
	}, arguments...))
	return <-ended
}

func execute(ended chan<- error, command *cobra.Command, arguments []string) {
	command.SetArgs(arguments)
	ended <- command.ExecuteContext(context.Background())
}

// Program alloy is a Grafana Alloy with the components that the chart uses, for the tests of the chart.
//
// Alloy's own program imports every component, some of which cannot be had from the Go registry. This one starts the
// same runtime with the same services; it has `run`, `validate` and `fmt`, and only the flags that the chart sets.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/grafana/ckit/peer"

	"github.com/grafana/alloy/internal/alloyseed"
	"github.com/grafana/alloy/internal/component"
	"github.com/grafana/alloy/internal/featuregate"
	"github.com/grafana/alloy/internal/runtime"
	"github.com/grafana/alloy/internal/runtime/logging"
	"github.com/grafana/alloy/internal/runtime/tracing"
	"github.com/grafana/alloy/internal/service"
	"github.com/grafana/alloy/internal/service/cluster"
	"github.com/grafana/alloy/internal/service/http"
	"github.com/grafana/alloy/internal/service/labelstore"
	"github.com/grafana/alloy/internal/service/livedebugging"
	"github.com/grafana/alloy/internal/service/otel"
	"github.com/grafana/alloy/internal/service/remotecfg"
	"github.com/grafana/alloy/internal/service/ui"
	"github.com/grafana/alloy/internal/validator"
	"github.com/grafana/alloy/syntax/parser"
	"github.com/grafana/alloy/syntax/printer"

	_ "github.com/grafana/alloy/internal/component/discovery/kubernetes"
	_ "github.com/grafana/alloy/internal/component/discovery/relabel"
	_ "github.com/grafana/alloy/internal/component/local/file"
	_ "github.com/grafana/alloy/internal/component/local/file_match"
	_ "github.com/grafana/alloy/internal/component/loki/process"
	_ "github.com/grafana/alloy/internal/component/loki/relabel"
	_ "github.com/grafana/alloy/internal/component/loki/source/file"
	_ "github.com/grafana/alloy/internal/component/loki/source/kubernetes"
	_ "github.com/grafana/alloy/internal/component/loki/write"
	_ "github.com/grafana/alloy/internal/component/prometheus/relabel"
	_ "github.com/grafana/alloy/internal/component/prometheus/remotewrite"
	_ "github.com/grafana/alloy/internal/component/prometheus/scrape"
)

// version is set by the linker.
var version = "unknown"

type options struct {
	listen    string
	storage   string
	reporting bool
	stability featuregate.Stability
}

func main() {
	root := &cobra.Command{Use: "alloy", Short: "Grafana Alloy, reduced build", Version: version, SilenceUsage: true}
	root.AddCommand(runCommand(), validateCommand(), fmtCommand())
	if root.Execute() != nil {
		os.Exit(1)
	}
}

func runCommand() *cobra.Command {
	o := options{stability: featuregate.StabilityGenerallyAvailable}
	command := &cobra.Command{
		Use:  "run FILE",
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			ctx, stop := signal.NotifyContext(command.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return run(ctx, o, arguments[0])
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.listen, "server.http.listen-addr", "127.0.0.1:12345", "Address to listen on")
	flags.StringVar(&o.storage, "storage.path", "data-alloy/", "Folder of the write-ahead log and positions")
	flags.BoolVar(&o.reporting, "disable-reporting", false, "Accepted; this build never reports")
	flags.Var(&o.stability, "stability.level", "Least stability of components")
	return command
}

func validateCommand() *cobra.Command {
	stability := featuregate.StabilityGenerallyAvailable
	command := &cobra.Command{
		Use:  "validate FILE",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, arguments []string) error {
			return validate(stability, arguments[0])
		},
	}
	command.Flags().Var(&stability, "stability.level", "Least stability of components")
	return command
}

func fmtCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "fmt FILE",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, arguments []string) error { return format(arguments[0]) },
	}
}

// read gives the one source file in the form that the runtime wants.
func read(path string) (map[string][]byte, error) {
	content, err := os.ReadFile(path)
	return map[string][]byte{path: content}, err
}

func format(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	file, err := parser.ParseFile(path, content)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := printer.Fprint(&out, file); err != nil {
		return err
	}
	fmt.Println(out.String())
	return nil
}

func validate(stability featuregate.Stability, path string) error {
	sources, err := read(path)
	if err != nil {
		return err
	}
	definitions := []service.Definition{
		(&cluster.Service{}).Definition(), (&http.Service{}).Definition(), (&labelstore.Service{}).Definition(),
		(&livedebugging.Service{}).Definition(), (&otel.Service{}).Definition(), (&remotecfg.Service{}).Definition(),
		(&ui.Service{}).Definition(),
	}
	err = validator.Validate(validator.Options{
		Sources:            sources,
		ServiceDefinitions: definitions,
		ComponentRegistry:  component.NewDefaultRegistry(stability, false),
		MinStability:       stability,
	})
	if err != nil {
		validator.Report(os.Stderr, err, sources)
		return errors.New("validation failed")
	}
	return nil
}

func run(ctx context.Context, o options, path string) error {
	logger, err := logging.NewDeferred(os.Stderr)
	if err != nil {
		return err
	}
	tracer, err := tracing.New(tracing.DefaultOptions)
	if err != nil {
		return err
	}
	started, err := assemble(o, path, logger, tracer)
	if err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		started.runtime.Run(ctx)
	}()
	if err := started.load(); err != nil {
		return err
	}
	if err := started.cluster.ChangeState(ctx, peer.StateParticipant); err != nil {
		return err
	}
	reloads := make(chan os.Signal, 1)
	signal.Notify(reloads, syscall.SIGHUP)
	for {
		select {
		case <-ctx.Done():
			<-done
			return nil
		case <-reloads:
			if err := started.load(); err != nil {
				logger.Slog().Error("failed to reload config", "err", err)
			} else {
				logger.Slog().Info("config reloaded")
			}
		}
	}
}

// alloy is a runtime with what is needed to load its configuration again.
type alloy struct {
	path    string
	runtime *runtime.Runtime
	http    *http.Service
	cluster *cluster.Service
}

func (a *alloy) load() error {
	sources, err := read(a.path)
	if err != nil {
		return err
	}
	parsed, err := runtime.ParseSources(sources)
	if err != nil {
		return err
	}
	a.http.SetSources(parsed.SourceFiles())
	return a.runtime.LoadSource(parsed, nil, a.path)
}

func assemble(o options, path string, logger *logging.Logger, tracer *tracing.Tracer) (*alloy, error) {
	log := logger.Slog()
	registry := prometheus.DefaultRegisterer
	alone, err := clusterOfOne(o, logger, tracer, registry)
	if err != nil {
		return nil, err
	}
	result := &alloy{path: path, cluster: alone}
	result.http = http.New(http.Options{
		Logger:           logger,
		Tracer:           tracer,
		Gatherer:         prometheus.DefaultGatherer,
		ReadyFunc:        func() bool { return result.runtime.Ready() },
		ReloadFunc:       result.load,
		HTTPListenAddr:   o.listen,
		MemoryListenAddr: "alloy.internal:12345",
		MinStability:     o.stability,
		BundleContext:    http.SupportBundleContext{DisableSupportBundle: true},
	})
	remote, err := remotecfg.New(remotecfg.Options{Logger: log, ConfigPath: path, StoragePath: o.storage, Metrics: registry})
	if err != nil {
		return nil, err
	}
	live := livedebugging.New()
	alloyseed.Init(o.storage, log)
	result.runtime, err = runtime.New(runtime.Options{
		Logger:       logger,
		Tracer:       tracer,
		DataPath:     o.storage,
		Reg:          registry,
		MinStability: o.stability,
		Services: []service.Service{
			alone, result.http, labelstore.New(log, registry, true), live, otel.New(log), remote,
			// Without its pages, which are not part of the module; what answers questions about components is.
			ui.New(ui.Options{UIPrefix: "/", CallbackManager: live.Data().(livedebugging.CallbackManager), Logger: log}),
		},
		TaskShutdownDeadline: 10 * time.Minute,
	})
	return result, err
}

func clusterOfOne(
	o options, logger *logging.Logger, tracer *tracing.Tracer, registry prometheus.Registerer,
) (*cluster.Service, error) {
	_, port, err := net.SplitHostPort(o.listen)
	if err != nil {
		return nil, err
	}
	if _, err := strconv.Atoi(port); err != nil {
		return nil, err
	}
	name, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	return cluster.New(cluster.Options{
		Log:              logger.Slog(),
		Metrics:          registry,
		Tracer:           tracer,
		NodeName:         name,
		AdvertiseAddress: net.JoinHostPort("127.0.0.1", port),
		DiscoverPeers:    func() ([]string, error) { return nil, nil },
	})
}

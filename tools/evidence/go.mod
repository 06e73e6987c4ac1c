module xscaler-istio.tools/evidence

go 1.26.7

require (
	github.com/argoproj/argo-cd/v3 v3.5.6 // read as files, not imported
	github.com/kiali/kiali v1.89.0 // read as files, not imported
	github.com/openshift/api v0.0.0-20260501191448-a49973eaef53 // read as files, not imported
	github.com/prometheus-operator/prometheus-operator v0.85.0 // read as files, not imported
	github.com/prometheus/prometheus v0.316.0
	istio.io/istio v0.0.0-20260827124520-eed52ebb66ad // read as files, not imported
)

require (
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/dennwc/varint v1.0.0 // indirect
	github.com/grafana/regexp v0.0.0-20250905093917-f7b3be9d1853 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/prometheus/client_golang v1.25.0 // indirect
	github.com/prometheus/client_model v0.6.3 // indirect
	github.com/prometheus/common v0.72.1 // indirect
	github.com/prometheus/procfs v0.22.0 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

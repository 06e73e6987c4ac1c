// Program grafana-schema reads dashboards strictly, with the Go types that Grafana publishes of its own schema, and
// prints what does not fit, a line each:
//
//	grafana-schema FILE...
//
// Fields that a panel's `options` lack are passed over: Grafana fills them with the panel's defaults.
package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// hasDefault is the place of a field that Grafana fills.
var hasDefault = regexp.MustCompile(`^panels\[\d+\]\.options\.`)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: grafana-schema FILE...")
		os.Exit(2)
	}
	plugins.RegisterDefaultPlugins()
	faults := 0
	for _, file := range os.Args[1:] {
		for _, fault := range read(file) {
			fmt.Printf("%s: %s\n", file, fault)
			faults++
		}
	}
	if faults > 0 {
		os.Exit(1)
	}
}

// read returns what is wrong with a file.
func read(file string) []error {
	content, err := os.ReadFile(file)
	if err != nil {
		return []error{err}
	}
	var board dashboard.Dashboard
	return append(faultsIn(board.UnmarshalJSONStrict(content)), faultsIn(board.Validate())...)
}

func faultsIn(err error) []error {
	var all cog.BuildErrors
	if !errors.As(err, &all) {
		if err == nil {
			return nil
		}
		return []error{err}
	}
	var found []error
	for _, one := range all {
		if missing := one.Message == missingField; !missing || !hasDefault.MatchString(one.Path) {
			found = append(found, one)
		}
	}
	return found
}

const missingField = "required field is missing from input"

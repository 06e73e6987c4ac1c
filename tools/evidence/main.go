// Program evidence prints which metrics and labels dashboards and Kiali read, as JSON.
//
//	evidence FOLDER...
//
// A folder is a checkout of Istio (its Grafana dashboards are read) or of Kiali (the queries in its Go code are), or it
// holds dashboards and nothing else.
// Expressions are parsed by Prometheus' own PromQL parser. One object a file:
//
//	{"file": "…", "metrics": ["…"], "labels": ["…"], "unparsed": ["…"]}
//
// An expression that cannot be parsed is printed and not passed over.
package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// reading is what one file reads.
type reading struct {
	File     string   `json:"file"`
	Metrics  []string `json:"metrics"`
	Labels   []string `json:"labels"`
	Unparsed []string `json:"unparsed"`
}

// names is a set; written out in order.
type names map[string]bool

func (n names) add(all ...string) {
	for _, name := range all {
		n[name] = true
	}
}

func (n names) sorted() []string {
	all := make([]string, 0, len(n))
	for name := range n {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// found collects what a file reads.
type found struct {
	metrics, labels, unparsed names
}

func newFound() found { return found{names{}, names{}, names{}} }

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: evidence FOLDER...")
		os.Exit(2)
	}
	readings := []reading{}
	for _, folder := range os.Args[1:] {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			relative, _ := filepath.Rel(folder, path)
			read := readerOf(relative)
			if read == nil {
				return nil
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			result := newFound()
			if err := read(content, result); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			if len(result.metrics)+len(result.unparsed) > 0 {
				readings = append(readings, reading{
					relative, result.metrics.sorted(), result.labels.sorted(), result.unparsed.sorted(),
				})
			}
			return nil
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, "evidence:", err)
			os.Exit(1)
		}
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(readings); err != nil {
		fmt.Fprintln(os.Stderr, "evidence:", err)
		os.Exit(1)
	}
}

// dashboard is where Istio keeps what it publishes at grafana.com.
var dashboard = regexp.MustCompile(`^manifests/addons/dashboards/[a-z-]+-dashboard(\.gen)?\.json$`)

// lone is a dashboard in a folder of dashboards; Istio and Kiali have other files at their top.
var lone = regexp.MustCompile(`^[a-z-]+\.json$`)

// kialiFolders are those whose code asks for Istio's metrics.
var kialiFolders = []string{"prometheus", "graph", "business", "handlers", "models"}

// readerOf chooses by place; nil for files that say nothing.
func readerOf(path string) func([]byte, found) error {
	slashed := filepath.ToSlash(path)
	if dashboard.MatchString(slashed) || lone.MatchString(slashed) {
		return readDashboard
	}
	first, _, _ := strings.Cut(slashed, "/")
	test := strings.HasSuffix(slashed, "_test.go") || strings.Contains(slashed, "prometheustest")
	if strings.HasSuffix(slashed, ".go") && !test && slices.Contains(kialiFolders, first) {
		return readCode
	}
	return nil
}

package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
)

var (
	metricName = regexp.MustCompile(`^(istio|envoy|pilot|citadel|galley|ztunnel|workload_manager)_[a-z0-9_]+$`)
	metricUse  = regexp.MustCompile(`\b(istio|envoy|pilot|citadel|galley)_[a-z0-9_]+`)
	labelList  = regexp.MustCompile(`^,?\w+(, ?\w+)+$`)
	istioLabel = regexp.MustCompile(
		`^(source|destination)_[a-z_]+$|^(reporter|request_protocol|response_code|response_flags|grpc_response_status|connection_security_policy)$`,
	)
	query = regexp.MustCompile(`\b(rate|sum|histogram_quantile|increase)\(`)
)

// What stands for a verb of a format string, by what surrounds it.
var verbs = []struct {
	pattern *regexp.Regexp
	word    string
}{
	{regexp.MustCompile(`\[%[vsd]+s?\]`), "[5m]"},
	{regexp.MustCompile(`"%[vsd]"`), `"x"`},
	{regexp.MustCompile(`\bby \((le,?)?%s\)`), "by (le)"},
	{regexp.MustCompile(`\((%s)([{)])`), "(placeholder$2"},
	{regexp.MustCompile(`%s!=`), "placeholder!="},
	{regexp.MustCompile(`%s(_sum|_count|_bucket)%s`), "placeholder$1"},
	{regexp.MustCompile(`%s%s\[`), "placeholder["},
	{regexp.MustCompile(`%s\(`), "rate("},
	{regexp.MustCompile(`\{%s\}`), "{}"},
	{regexp.MustCompile(`\)%s`), ")"},
	{regexp.MustCompile(`%\.\d+f`), "0.5"},
	{regexp.MustCompile(`histogram_quantile\(%s`), "histogram_quantile(0.5"},
	{regexp.MustCompile(`"%s([,}])`), `"$1`},
	{regexp.MustCompile(`,%s=`), ",placeholder="},
	{regexp.MustCompile(` %s$`), ""},
}

// readCode reads the string literals of Go code: names of metrics, lists of labels to group by, format strings of
// queries. The metric of a format string is a placeholder, since its name is a literal elsewhere.
func readCode(content []byte, result found) error {
	file, err := parser.ParseFile(token.NewFileSet(), "", content, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	ast.Inspect(file, func(node ast.Node) bool {
		literal, ok := node.(*ast.BasicLit)
		if ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil {
				readLiteral(text, result)
			}
		}
		return true
	})
	delete(result.metrics, "placeholder")
	delete(result.labels, "placeholder")
	return nil
}

func readLiteral(text string, result found) {
	switch {
	case metricName.MatchString(text):
		result.metrics.add(text)
	case query.MatchString(text):
		result.metrics.add(metricUse.FindAllString(text, -1)...)
		for _, verb := range verbs {
			text = verb.pattern.ReplaceAllString(text, verb.word)
		}
		readExpression(text, result)
		for _, part := range []string{"_sum", "_count", "_bucket"} {
			delete(result.metrics, "placeholder"+part)
		}
	case istioLabel.MatchString(text):
		result.labels.add(text)
	case labelList.MatchString(text):
		for _, name := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
			if istioLabel.MatchString(name) {
				result.labels.add(name)
			}
		}
	}
}

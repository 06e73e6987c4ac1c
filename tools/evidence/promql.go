package main

import (
	"regexp"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// durationVariable stands where PromQL wants a duration: Grafana's intervals, or any variable in brackets.
var (
	durationVariable = regexp.MustCompile(`\$\{?__(rate_)?(interval|range)(_m?s)?\}?|\$\{?duration\}?`)
	bracketVariable  = regexp.MustCompile(`\[\s*\$\{?\w+\}?\s*\]`)
	otherVariable    = regexp.MustCompile(`\$\{\w+(:\w+)?\}|\$\w+|\[\[\w+\]\]`)
)

// withoutVariables fills Grafana's variables with words that parse.
func withoutVariables(expression string) string {
	expression = durationVariable.ReplaceAllString(expression, "5m")
	expression = bracketVariable.ReplaceAllString(expression, "[5m]")
	return otherVariable.ReplaceAllString(expression, "variable")
}

// readExpression adds what a PromQL expression reads.
func readExpression(expression string, result found) {
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(expression)
	if err != nil {
		result.unparsed.add(expression)
		return
	}
	parser.Inspect(tree, func(node parser.Node, _ []parser.Node) error {
		switch node := node.(type) {
		case *parser.VectorSelector:
			readSelector(node, result)
		case *parser.AggregateExpr:
			if !node.Without {
				result.labels.add(node.Grouping...)
			}
		case *parser.BinaryExpr:
			if node.VectorMatching != nil && node.VectorMatching.On {
				result.labels.add(node.VectorMatching.MatchingLabels...)
			}
		}
		return nil
	})
}

func readSelector(selector *parser.VectorSelector, result found) {
	for _, matcher := range selector.LabelMatchers {
		if matcher.Name != labels.MetricName {
			result.labels.add(matcher.Name)
		} else if matcher.Type == labels.MatchEqual {
			result.metrics.add(matcher.Value)
		}
	}
}

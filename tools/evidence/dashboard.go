package main

import (
	"encoding/json"
	"regexp"
)

var (
	labelValues = regexp.MustCompile(`^label_values\((?:(.*),\s*)?(\w+)\)$`)
	queryResult = regexp.MustCompile(`^query_result\((.*)\)$`)
	looksLikeIt = regexp.MustCompile(`[a-z]+_[a-z_]+|\(`)
)

// readDashboard reads a Grafana dashboard: the expressions of its panels and the queries of its variables.
func readDashboard(content []byte, result found) error {
	var tree any
	if err := json.Unmarshal(content, &tree); err != nil {
		return err
	}
	walk(tree, result)
	return nil
}

func walk(node any, result found) {
	switch node := node.(type) {
	case []any:
		for _, child := range node {
			walk(child, result)
		}
	case map[string]any:
		if source, ok := node["datasource"].(map[string]any); ok && source["type"] == "loki" {
			// LogQL: Loki itself reads it in the tests.
			return
		}
		if expression, ok := node["expr"].(string); ok && expression != "" {
			readExpression(withoutVariables(expression), result)
		}
		if query, ok := node["query"].(string); ok {
			readVariable(query, result)
		}
		for _, child := range node {
			walk(child, result)
		}
	}
}

func readVariable(query string, result found) {
	if parts := labelValues.FindStringSubmatch(query); parts != nil {
		result.labels.add(parts[2])
		query = parts[1]
	} else if parts := queryResult.FindStringSubmatch(query); parts != nil {
		query = parts[1]
	} else {
		// The name of a data source, or a constant.
		return
	}
	if looksLikeIt.MatchString(query) {
		readExpression(withoutVariables(query), result)
	}
}

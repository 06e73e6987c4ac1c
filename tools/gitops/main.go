// Program gitops reads a file as the tool does that it is written for, and prints what it found as JSON.
//
//	gitops flux FILE        objects of Flux, decoded strictly into its own Go types
//	gitops terraform FILE   the resources of a configuration, evaluated by HashiCorp's own HCL
//
// An unknown field, a wrong type or an expression that cannot be evaluated is an error that names its place.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	helm "github.com/fluxcd/helm-controller/api/v2"
	source "github.com/fluxcd/source-controller/api/v1"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	ctyyaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	ctyjson "github.com/zclconf/go-cty/cty/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

var readers = map[string]func(string) (any, error){"flux": flux, "terraform": terraform}

func main() {
	if len(os.Args) != 3 || readers[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: gitops flux|terraform FILE")
		os.Exit(2)
	}
	read, err := readers[os.Args[1]](os.Args[2])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(read)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "gitops: %s: %v\n", os.Args[2], err)
		os.Exit(1)
	}
}

// kinds are those of Flux that an example has: an empty object of each.
var kinds = map[string]func() any{
	helm.GroupVersion.String() + "/HelmRelease":     func() any { return new(helm.HelmRelease) },
	source.GroupVersion.String() + "/GitRepository": func() any { return new(source.GitRepository) },
}

// flux returns the objects of a stream of YAML.
func flux(file string) (any, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	objects := []any{}
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		var head struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal(document, &head); err != nil {
			return nil, err
		}
		empty, known := kinds[head.APIVersion+"/"+head.Kind]
		if !known {
			return nil, fmt.Errorf("%s/%s is not a kind of Flux that is known here", head.APIVersion, head.Kind)
		}
		object := empty()
		if err := yaml.UnmarshalStrict(document, object); err != nil {
			return nil, fmt.Errorf("%s: %w", head.Kind, err)
		}
		objects = append(objects, object)
	}
}

// resource is one resource block; nested blocks are left out.
type resource struct {
	Type       string                     `json:"type"`
	Name       string                     `json:"name"`
	Attributes map[string]json.RawMessage `json:"attributes"`
}

// terraform returns the resources of one file. Variables have their defaults; of the functions file() and
// yamlencode() are known.
func terraform(file string) (any, error) {
	parsed, problems := hclparse.NewParser().ParseHCLFile(file)
	if problems.HasErrors() {
		return nil, problems
	}
	body, ok := parsed.Body.(*hclsyntax.Body)
	if !ok {
		return nil, errors.New("not in HCL's own syntax")
	}
	folder := filepath.Dir(file)
	context := &hcl.EvalContext{
		Variables: map[string]cty.Value{"path": cty.ObjectVal(map[string]cty.Value{"module": cty.StringVal(folder)})},
		Functions: map[string]function.Function{"file": readFile, "yamlencode": ctyyaml.YAMLEncodeFunc},
	}
	variables := map[string]cty.Value{}
	for _, block := range body.Blocks {
		if block.Type != "variable" {
			continue
		}
		value := cty.DynamicVal
		if given, set := block.Body.Attributes["default"]; set {
			var problems hcl.Diagnostics
			if value, problems = given.Expr.Value(context); problems.HasErrors() {
				return nil, problems
			}
		}
		variables[block.Labels[0]] = value
	}
	context.Variables["var"] = cty.ObjectVal(variables)
	resources := []resource{}
	for _, block := range body.Blocks {
		if block.Type != "resource" {
			continue
		}
		attributes, err := evaluated(block.Body.Attributes, context)
		if err != nil {
			return nil, err
		}
		resources = append(resources, resource{block.Labels[0], block.Labels[1], attributes})
	}
	return resources, nil
}

func evaluated(attributes hclsyntax.Attributes, context *hcl.EvalContext) (map[string]json.RawMessage, error) {
	found := map[string]json.RawMessage{}
	for name, attribute := range attributes {
		value, problems := attribute.Expr.Value(context)
		if problems.HasErrors() {
			return nil, problems
		}
		if !value.IsWhollyKnown() {
			found[name] = json.RawMessage("null")
			continue
		}
		encoded, err := ctyjson.Marshal(value, value.Type())
		if err != nil {
			return nil, err
		}
		found[name] = encoded
	}
	return found, nil
}

// readFile is Terraform's file(): the text of a file.
var readFile = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "path", Type: cty.String}},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(arguments []cty.Value, _ cty.Type) (cty.Value, error) {
		content, err := os.ReadFile(arguments[0].AsString())
		return cty.StringVal(string(content)), err
	},
})

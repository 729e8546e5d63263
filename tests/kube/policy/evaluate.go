// Evaluates a MutatingAdmissionPolicy as the API server does, with the CEL implementation that Kubernetes uses.
//
// Reads {"spec": the policy's spec, "object": a Pod} as JSON and writes {"matched": bool, "patch": [JSON patch operations]}.
// An expression that does not compile, or that fails, ends it with exit code 1 and the reason.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/ext"
)

type named struct {
	Name       string `json:"name"`
	Expression string `json:"expression"`
}

type input struct {
	Spec struct {
		MatchConditions []named `json:"matchConditions"`
		Variables       []named `json:"variables"`
		Mutations       []struct {
			JSONPatch struct {
				Expression string `json:"expression"`
			} `json:"jsonPatch"`
		} `json:"mutations"`
	} `json:"spec"`
	Object map[string]any `json:"object"`
}

const variablesType = "kubernetes.variables"

// provider knows the types that the API server adds: JSONPatch, Object and whatever is below it, whose fields may be
// anything, and the variables, each with the type of its expression.
type provider struct {
	*types.Registry
	variables map[string]*types.Type
}

func isAdded(name string) bool {
	return name == "JSONPatch" || name == "Object" || strings.HasPrefix(name, "Object.") || name == variablesType
}

func (p *provider) FindStructType(name string) (*types.Type, bool) {
	if isAdded(name) {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Registry.FindStructType(name)
}

func (p *provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	switch {
	case name == variablesType:
		found, ok := p.variables[field]
		return &types.FieldType{Type: found}, ok
	case name == "JSONPatch":
		if field == "value" {
			return &types.FieldType{Type: types.DynType}, true
		}
		return &types.FieldType{Type: types.StringType}, field == "op" || field == "path" || field == "from"
	case isAdded(name):
		return &types.FieldType{Type: types.DynType}, true
	}
	return p.Registry.FindStructFieldType(name, field)
}

// object is a value of an added type. The API server wants the name of its type to be the path to it.
type object struct {
	traits.Mapper
	name string
}

func (p *provider) NewValue(name string, fields map[string]ref.Val) ref.Val {
	if !isAdded(name) {
		return p.Registry.NewValue(name, fields)
	}
	native := map[string]any{}
	for field, value := range fields {
		if name != "JSONPatch" {
			if wrong := misnamed(value, name+"."+field); wrong != "" {
				return types.NewErr("%s.%s holds a value of the type %s", name, field, wrong)
			}
		}
		native[field] = asNative(value)
	}
	return object{types.NewStringInterfaceMap(p, native).(traits.Mapper), name}
}

// misnamed returns the type of an object in `value`, itself or an item of a list, whose type is not `wanted`; else "".
func misnamed(value ref.Val, wanted string) string {
	if found, ok := value.(object); ok && found.name != wanted {
		return found.name
	}
	if list, ok := value.(traits.Lister); ok {
		for items := list.Iterator(); items.HasNext() == types.True; {
			if wrong := misnamed(items.Next(), wanted); wrong != "" {
				return wrong
			}
		}
	}
	return ""
}

func asNative(value ref.Val) any {
	switch typed := value.(type) {
	case traits.Mapper:
		native := map[string]any{}
		for keys := typed.Iterator(); keys.HasNext() == types.True; {
			key := keys.Next()
			native[fmt.Sprint(key.Value())] = asNative(typed.Get(key))
		}
		return native
	case traits.Lister:
		native := []any{}
		for items := typed.Iterator(); items.HasNext() == types.True; {
			native = append(native, asNative(items.Next()))
		}
		return native
	}
	return value.Value()
}

// Numbers of a decoded Pod are whole, as the API server has them.
func withIntegers(value any) any {
	switch typed := value.(type) {
	case map[string]any:
		for key := range typed {
			typed[key] = withIntegers(typed[key])
		}
	case []any:
		for index := range typed {
			typed[index] = withIntegers(typed[index])
		}
	case json.Number:
		number, err := typed.Int64()
		check(err, "a number of the object")
		return number
	}
	return value
}

func check(err error, what string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

type evaluator struct {
	environment *cel.Env
	provider    *provider
	bindings    map[string]any
}

// evaluate returns the value; `wanted`, where there is one, must be exactly the expression's type.
func (e *evaluator) evaluate(expression named, wanted *cel.Type) (ref.Val, *cel.Type) {
	ast, issues := e.environment.Compile(expression.Expression)
	check(issues.Err(), expression.Name)
	if wanted != nil && !ast.OutputType().IsExactType(wanted) {
		check(fmt.Errorf("its type is %v and must be %v", ast.OutputType(), wanted), expression.Name)
	}
	program, err := e.environment.Program(ast, cel.EvalOptions(cel.OptOptimize))
	check(err, expression.Name)
	value, _, err := program.Eval(e.bindings)
	check(err, expression.Name)
	return value, ast.OutputType()
}

func main() {
	var in input
	decoder := json.NewDecoder(os.Stdin)
	decoder.UseNumber()
	check(decoder.Decode(&in), "the input")

	registry, err := types.NewRegistry()
	check(err, "the types")
	added := &provider{Registry: registry, variables: map[string]*types.Type{}}
	environment, err := cel.NewEnv(
		cel.CustomTypeProvider(added), cel.CustomTypeAdapter(added),
		cel.HomogeneousAggregateLiterals(), cel.EagerlyValidateDeclarations(true), cel.DefaultUTCTimeZone(true),
		cel.CrossTypeNumericComparisons(true), cel.OptionalTypes(), ext.Strings(ext.StringsVersion(2)),
		cel.Variable("object", cel.DynType), cel.Variable("variables", cel.ObjectType(variablesType)))
	check(err, "the environment")
	variables := map[string]any{}
	e := &evaluator{environment, added, map[string]any{
		"object": withIntegers(in.Object), "variables": types.NewStringInterfaceMap(added, variables)}}

	out := struct {
		Matched bool  `json:"matched"`
		Patch   []any `json:"patch"`
	}{Matched: true, Patch: []any{}}
	for _, condition := range in.Spec.MatchConditions {
		holds, _ := e.evaluate(condition, cel.BoolType)
		out.Matched = out.Matched && holds == types.True
	}
	if out.Matched {
		for _, variable := range in.Spec.Variables {
			value, kind := e.evaluate(variable, nil)
			added.variables[variable.Name] = kind
			variables[variable.Name] = asNative(value)
		}
		for index, mutation := range in.Spec.Mutations {
			name := fmt.Sprintf("mutation %d", index)
			patch, _ := e.evaluate(named{name, mutation.JSONPatch.Expression}, cel.ListType(cel.ObjectType("JSONPatch")))
			out.Patch = append(out.Patch, asNative(patch).([]any)...)
		}
	}
	check(json.NewEncoder(os.Stdout).Encode(out), "the output")
}

// Evaluates scripts and expressions for GitOps tools as Argo CD and Flux evaluate them, and decodes Flux's objects strictly.
//
// Reads a JSON array of requests from standard input and writes an array of answers to standard output.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// request is one evaluation.
type request struct {
	// What is one of lua, action, cel and decode.
	What string `json:"what"`
	// Script is a Lua script.
	Script string `json:"script,omitempty"`
	// Expressions are those of an element of healthCheckExprs.
	Expressions json.RawMessage `json:"expressions,omitempty"`
	// Object is the object to evaluate or to decode.
	Object json.RawMessage `json:"object"`
}

// answer is the result of a request, or its error.
type answer struct {
	Result any    `json:"result,omitempty"`
	Error  string `json:"error,omitempty"`
}

func main() {
	var requests []request
	if err := json.NewDecoder(os.Stdin).Decode(&requests); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	answers := make([]answer, 0, len(requests))
	for _, request := range requests {
		result, err := evaluate(request)
		if err != nil {
			answers = append(answers, answer{Error: err.Error()})
			continue
		}
		answers = append(answers, answer{Result: result})
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func evaluate(request request) (any, error) {
	switch request.What {
	case "lua":
		return runLua(request.Script, request.Object)
	case "action":
		return runAction(request.Script, request.Object)
	case "cel":
		return evaluateHealth(request.Expressions, request.Object)
	case "decode":
		return nil, decodeStrictly(request.Object)
	}
	return nil, fmt.Errorf("unknown request %q", request.What)
}

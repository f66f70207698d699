package main

import (
	"context"
	"encoding/json"
	"fmt"

	helm "github.com/fluxcd/helm-controller/api/v2"
	kustomization "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	source "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// evaluateHealth evaluates an object as kustomize-controller does with healthCheckExprs, and returns the kstatus.
func evaluateHealth(expressions, object json.RawMessage) (any, error) {
	var checks kustomize.HealthCheckExpressions
	if err := json.Unmarshal(expressions, &checks); err != nil {
		return nil, err
	}
	evaluator, err := cel.NewStatusEvaluator(&checks)
	if err != nil {
		return nil, err
	}
	// Decodes whole numbers as int64, as the objects of the cluster are.
	var evaluated unstructured.Unstructured
	if err := evaluated.UnmarshalJSON(object); err != nil {
		return nil, err
	}
	result, err := evaluator.Evaluate(context.Background(), &evaluated)
	if err != nil {
		return nil, err
	}
	return result.Status, nil
}

// decodeStrictly decodes an object of Flux, and fails for a field that its type does not have.
func decodeStrictly(object json.RawMessage) error {
	var meta struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	if err := json.Unmarshal(object, &meta); err != nil {
		return err
	}
	kinds := map[string]any{
		helm.GroupVersion.String() + " HelmRelease":            &helm.HelmRelease{},
		kustomization.GroupVersion.String() + " Kustomization": &kustomization.Kustomization{},
		source.GroupVersion.String() + " GitRepository":        &source.GitRepository{},
	}
	into, known := kinds[meta.APIVersion+" "+meta.Kind]
	if !known {
		return fmt.Errorf("%s %s is no kind of Flux", meta.APIVersion, meta.Kind)
	}
	return yaml.UnmarshalStrict(object, into)
}

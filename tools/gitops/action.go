package main

import (
	"encoding/json"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
)

// runAction runs the script of an action and returns the merge patch that Argo CD applies for it.
func runAction(script string, object json.RawMessage) (any, error) {
	returned, err := runLua(script, object)
	if err != nil {
		return nil, err
	}
	var before, after any
	if err := json.Unmarshal(object, &before); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(returned.(json.RawMessage), &after); err != nil {
		return nil, err
	}
	cleaned, err := json.Marshal(restoreEmptyObjects(after, before))
	if err != nil {
		return nil, err
	}
	patch, err := jsonpatch.CreateMergePatch(object, cleaned)
	if err != nil {
		return nil, err
	}
	return json.RawMessage(patch), nil
}

// restoreEmptyObjects makes an empty list an empty object again where it was one: Lua has one type for both. Argo CD does the same.
func restoreEmptyObjects(after, before any) any {
	switch after := after.(type) {
	case map[string]any:
		if before, ok := before.(map[string]any); ok {
			for name, value := range after {
				after[name] = restoreEmptyObjects(value, before[name])
			}
		}
	case []any:
		switch before := before.(type) {
		case map[string]any:
			if len(after) == 0 {
				return map[string]any{}
			}
		case []any:
			for place := range min(len(after), len(before)) {
				after[place] = restoreEmptyObjects(after[place], before[place])
			}
		}
	}
	return after
}

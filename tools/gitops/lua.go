package main

import (
	"context"
	"encoding/json"
	"time"

	lua "github.com/yuin/gopher-lua"
	luajson "layeh.com/gopher-json"
)

// runLua runs a script as Argo CD does (util/lua/lua.go): with the libraries package, base, table and a part of os, the object
// in the global variable obj, and a second of time. It returns what the script returns.
func runLua(script string, object json.RawMessage) (any, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{
		{lua.LoadLibName, lua.OpenPackage},
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
		{lua.OsLibName, openSafeOs},
	} {
		call := lua.P{Fn: state.NewFunction(library.open), NRet: 0, Protect: true}
		if err := state.CallByParam(call, lua.LString(library.name)); err != nil {
			return nil, err
		}
	}
	limited, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(limited)
	value, err := luajson.Decode(state, object)
	if err != nil {
		return nil, err
	}
	state.SetGlobal("obj", value)
	state.SetGlobal("actionParams", state.NewTable())
	if err := state.DoString(script); err != nil {
		return nil, err
	}
	encoded, err := luajson.Encode(state.Get(-1))
	if err != nil {
		return nil, err
	}
	return json.RawMessage(encoded), nil
}

// openSafeOs opens the library os with nothing in it but time and date.
func openSafeOs(state *lua.LState) int {
	lua.OpenOs(state)
	all := state.GetGlobal(lua.OsLibName).(*lua.LTable)
	var others []lua.LValue
	all.ForEach(func(name, _ lua.LValue) {
		if name.String() != "time" && name.String() != "date" {
			others = append(others, name)
		}
	})
	for _, name := range others {
		all.RawSet(name, lua.LNil)
	}
	state.Push(all)
	return 1
}

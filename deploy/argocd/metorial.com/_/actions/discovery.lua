-- The actions on all kinds of metorial.com, and which of them make sense now.
local suspended = obj.spec.suspend == true
local connection = obj.kind == "Connection" or obj.kind == "ClusterConnection"
local plan = obj.status ~= nil and obj.status.plan ~= nil and obj.status.plan.hash ~= nil
local actions = {}
actions["reconcile"] = {["disabled"] = suspended, ["iconClass"] = "fa fa-fw fa-sync"}
if not connection then
  actions["suspend"] = {["disabled"] = suspended, ["iconClass"] = "fa fa-fw fa-pause"}
  actions["resume"] = {["disabled"] = not suspended, ["iconClass"] = "fa fa-fw fa-play"}
  actions["approve"] = {["disabled"] = not plan, ["iconClass"] = "fa fa-fw fa-check", ["displayName"] = "Approve plan"}
end
return actions

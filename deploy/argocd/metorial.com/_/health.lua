-- The health of all kinds of metorial.com, from the conditions Ready, Reconciling and Stalled, which follow kstatus.
local status = obj.status or {}
local deleting = obj.metadata.deletionTimestamp ~= nil
if not deleting and status.observedGeneration ~= obj.metadata.generation then
  return {status = "Progressing", message = "Waiting for the operator"}
end
local ready = {}
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Stalled" and condition.status == "True" then
    return {status = "Degraded", message = condition.message}
  end
  if condition.type == "Ready" then
    ready = condition
  end
end
if deleting then
  return {status = "Progressing", message = "Pending deletion"}
end
if ready.status == "True" then
  return {status = "Healthy", message = ready.message}
end
-- Held because somebody wants it so: a sync wave waits, and nothing is wrong.
if ready.reason == "Suspended" or ready.reason == "PlanPending" then
  return {status = "Suspended", message = ready.message}
end
return {status = "Progressing", message = ready.message or "Waiting for the operator"}

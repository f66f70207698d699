-- Approves exactly the plan that the status shows: another plan has another hash.
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["metorial.com/approve"] = obj.status.plan.hash
return obj

-- The data set adverse_events, from the ViewDefinitions adverse_events, blocks and ablations.
-- An AdverseEvent names the procedure, and not whether it was a block or an ablation.
SELECT
  e.id, b.id AS block_id, a.id AS ablation_id, e.patient_id, e.category, e.grade, e.onset_on, e.relation, e.resolved_on, e.note,
  e.version, e.recorded_at, e.updated_at
FROM views.adverse_events e
LEFT JOIN views.blocks b ON b.id = e.procedure_id
LEFT JOIN views.ablations a ON a.id = e.procedure_id

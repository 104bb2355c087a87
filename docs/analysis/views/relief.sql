-- The data set relief, from the ViewDefinitions relief, blocks and scores.
-- An Observation of relief names its block and the scores that it was read from, the baseline first: the episode and the
-- scale are theirs.
SELECT
  r.block_id, b.episode_id, r.patient_id, r.performed_at, r.side, r.threshold_percent, s.scale, r.context, r.baseline,
  r.best_relief_percent, r.response, r.onset_minutes, r.min_minutes, r.max_minutes, r.largest_gap_minutes, r.duration_class,
  r.stated_relief_percent, r.cut_by_analgesic
FROM views.relief r
JOIN views.blocks b ON b.id = r.block_id
LEFT JOIN views.scores s ON s.id = r.baseline_score_id

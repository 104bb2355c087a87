-- The data set determinations without since, operator, last_block_on and evaluated_as_of, from the ViewDefinitions determinations
-- and determination_rules.
WITH rules AS (
  SELECT determination_id,
    max(status) FILTER (rule = 'block_count') AS rule_block_count,
    max(status) FILTER (rule = 'relief') AS rule_relief,
    max(status) FILTER (rule = 'relief_duration') AS rule_relief_duration,
    max(status) FILTER (rule = 'block_interval') AS rule_block_interval,
    max(status) FILTER (rule = 'block_age') AS rule_block_age,
    max(status) FILTER (rule = 'levels') AS rule_levels,
    max(status) FILTER (rule = 'guidance') AS rule_guidance,
    max(status) FILTER (rule = 'diagnostic_cap') AS rule_diagnostic_cap,
    max(status) FILTER (rule = 'pain_floor') AS rule_pain_floor,
    max(status) FILTER (rule = 'pain_duration') AS rule_pain_duration,
    max(status) FILTER (rule = 'conservative_care') AS rule_conservative_care,
    max(status) FILTER (rule = 'radiculopathy') AS rule_radiculopathy,
    max(status) FILTER (rule = 'other_causes') AS rule_other_causes,
    max(status) FILTER (rule = 'axial_pain') AS rule_axial_pain,
    max(status) FILTER (rule = 'fusion') AS rule_fusion,
    max(status) FILTER (rule = 'ablation_cap') AS rule_ablation_cap,
    max(status) FILTER (rule = 'ablation_gap') AS rule_ablation_gap,
    max(status) FILTER (rule = 'pain_returned') AS rule_pain_returned,
    max(status) FILTER (rule = 'repeat_relief') AS rule_repeat_relief,
    max(status) FILTER (rule = 'disability_recorded') AS rule_disability_recorded,
    max(status) FILTER (rule = 'no_steroid') AS rule_no_steroid,
    max(status) FILTER (rule = 'no_sedation') AS rule_no_sedation,
    max(status) FILTER (rule = 'volume') AS rule_volume,
    max(status) FILTER (rule = 'agent_duration') AS rule_agent_duration,
    max(status) FILTER (rule = 'stated_agrees') AS rule_stated_agrees
  FROM views.determination_rules
  GROUP BY determination_id
)
SELECT d.* EXCLUDE (id), r.* EXCLUDE (determination_id)
FROM views.determinations d
LEFT JOIN rules r ON r.determination_id = d.id

-- The data set outcomes without comparative_class, from the data set relief (relief.sql) and the ViewDefinitions patients,
-- episodes, blocks, anesthetics, ablations, targets, follow_ups and determinations. In the SQL of DuckDB.
WITH
treated AS (
  SELECT procedure_id, joint, unnest(CASE side WHEN 'bilateral' THEN ['left', 'right'] ELSE [side] END) AS side
  FROM views.targets
),
ablated AS (
  SELECT a.*, t.joint, t.side,
    row_number() OVER (PARTITION BY a.episode_id, t.joint, t.side ORDER BY a.performed_on, a.id) AS place,
    count(*) OVER (PARTITION BY a.episode_id, t.joint, t.side) AS ablations
  FROM views.ablations a
  JOIN treated t ON t.procedure_id = a.id
),
first_ablation AS (SELECT * FROM ablated WHERE place = 1),
-- The instant has the offset of the place: its first ten letters are the day there.
diagnostic AS (
  SELECT b.id, b.episode_id, t.joint, t.side, CAST(left(b.performed_at, 10) AS DATE) AS day,
    CAST(b.performed_at AS TIMESTAMPTZ) AS instant, n.agent, b.operator, b.site
  FROM views.blocks b
  JOIN treated t ON t.procedure_id = b.id
  LEFT JOIN views.anesthetics n ON n.block_id = b.id
  WHERE b.kind = 'diagnostic'
),
counted AS (SELECT episode_id, joint, side, count(*) AS diagnostic_blocks FROM diagnostic GROUP BY ALL),
-- The last two before the ablation, or of all where none was done, the newest first.
told AS (
  SELECT d.*,
    row_number() OVER (PARTITION BY d.episode_id, d.joint, d.side ORDER BY d.instant DESC, d.id DESC) AS newest,
    count(*) OVER (PARTITION BY d.episode_id, d.joint, d.side) AS before
  FROM diagnostic d
  LEFT JOIN first_ablation a USING (episode_id, joint, side)
  WHERE a.id IS NULL OR d.day <= a.performed_on
),
first_block AS (SELECT * FROM told WHERE newest = least(before, 2)),
second_block AS (SELECT * FROM told WHERE newest = 1 AND before > 1),
-- Relief by scores of one scale, else as stated, in tenths of a percent rounded down.
followed AS (
  SELECT a.id AS ablation_id, f.taken_on, f.taken_on - a.performed_on AS days,
    CASE WHEN a.pre_score_scale = f.score_scale AND a.pre_score_value > 0
      THEN floor((round(10 * a.pre_score_value) - round(10 * f.score_value)) * 1000 / round(10 * a.pre_score_value))
      ELSE round(10 * f.stated_relief_percent) END AS tenths
  FROM views.ablations a
  JOIN views.follow_ups f ON f.ablation_id = a.id
),
outcome AS (
  SELECT ablation_id, count(*) AS follow_ups, max(taken_on) AS last_follow_up_on,
    max(tenths) FILTER (days BETWEEN 57 AND 136) / 10 AS best_relief_percent_3_months,
    max(tenths) FILTER (days BETWEEN 137 AND 273) / 10 AS best_relief_percent_6_months,
    max(tenths) FILTER (days BETWEEN 274 AND 547) / 10 AS best_relief_percent_12_months,
    min(taken_on) FILTER (tenths < 500) AS below_50_on
  FROM followed
  GROUP BY ablation_id
),
judged AS (
  SELECT episode_id, joint, side,
    max(verdict) FILTER (profile = 'medicare-lcd') AS verdict_medicare_lcd,
    max(verdict) FILTER (profile = 'aetna-cpb-0016') AS verdict_aetna_cpb_0016,
    max(verdict) FILTER (profile = 'evicore-cmm-208') AS verdict_evicore_cmm_208,
    max(verdict) FILTER (profile = 'alabama-medicaid-2024') AS verdict_alabama_medicaid_2024,
    max(verdict) FILTER (profile = 'tricare-west-rfd') AS verdict_tricare_west_rfd,
    max(verdict) FILTER (profile = 'nys-wc-mtg') AS verdict_nys_wc_mtg,
    max(verdict) FILTER (profile = 'nhs-humber-ny') AS verdict_nhs_humber_ny,
    max(verdict) FILTER (profile = 'lumbar-consensus-2020') AS verdict_lumbar_consensus_2020,
    max(verdict) FILTER (profile = 'cervical-consensus-2022') AS verdict_cervical_consensus_2022,
    max(verdict) FILTER (profile = 'sis-dual-100') AS verdict_sis_dual_100,
    max(verdict) FILTER (profile = 'manchukonda-2007') AS verdict_manchukonda_2007,
    max(verdict) FILTER (profile = 'facts-2018') AS verdict_facts_2018,
    list({profile: profile, profile_version: profile_version, purpose: purpose, verdict: verdict, next_step: next_step} ORDER BY profile)
      AS verdicts
  FROM views.determinations
  GROUP BY ALL
),
target AS (
  SELECT episode_id, joint, side FROM views.blocks b JOIN treated t ON t.procedure_id = b.id
  UNION
  SELECT episode_id, joint, side FROM ablated
)
SELECT
  t.episode_id, e.patient_id, e.region, t.joint, t.side, p.sex,
  date_sub('year', p.birth_date, coalesce(b1.day, a.performed_on)) AS age, coalesce(c.diagnostic_blocks, 0) AS diagnostic_blocks,
  b1.id AS first_block_id, b1.day AS first_block_on, b1.agent AS first_block_agent, b1.operator AS first_block_operator,
  b1.site AS first_block_site, first_80.scale AS first_block_scale, first_80.baseline AS first_block_baseline,
  first_80.best_relief_percent AS first_block_best_relief_percent, first_80.stated_relief_percent AS first_block_stated_relief_percent,
  first_50.response AS first_block_response_50, first_80.response AS first_block_response_80,
  first_80.onset_minutes AS first_block_onset_minutes_80, first_80.min_minutes AS first_block_min_minutes_80,
  first_80.max_minutes AS first_block_max_minutes_80, first_80.largest_gap_minutes AS first_block_largest_gap_minutes_80,
  b2.id AS second_block_id, b2.day AS second_block_on, b2.agent AS second_block_agent, b2.operator AS second_block_operator,
  b2.site AS second_block_site, second_80.scale AS second_block_scale, second_80.baseline AS second_block_baseline,
  second_80.best_relief_percent AS second_block_best_relief_percent, second_80.stated_relief_percent AS second_block_stated_relief_percent,
  second_50.response AS second_block_response_50, second_80.response AS second_block_response_80,
  second_80.onset_minutes AS second_block_onset_minutes_80, second_80.min_minutes AS second_block_min_minutes_80,
  second_80.max_minutes AS second_block_max_minutes_80, second_80.largest_gap_minutes AS second_block_largest_gap_minutes_80,
  b2.day - b1.day AS days_between_blocks,
  j.* EXCLUDE (episode_id, joint, side),
  coalesce(a.ablations, 0) AS ablations, a.id AS ablation_id, a.performed_on AS ablation_on, a.technique AS ablation_technique,
  a.pre_score_scale AS ablation_pre_score_scale, a.pre_score_value AS ablation_pre_score_value,
  coalesce(o.follow_ups, 0) AS follow_ups, o.last_follow_up_on, o.best_relief_percent_3_months, o.best_relief_percent_6_months,
  o.best_relief_percent_12_months, o.below_50_on, again.performed_on AS repeated_on
FROM target t
JOIN views.episodes e ON e.id = t.episode_id
JOIN views.patients p ON p.id = e.patient_id
LEFT JOIN counted c USING (episode_id, joint, side)
LEFT JOIN first_block b1 USING (episode_id, joint, side)
LEFT JOIN second_block b2 USING (episode_id, joint, side)
LEFT JOIN relief first_50 ON first_50.block_id = b1.id AND first_50.side = t.side AND first_50.threshold_percent = 50
LEFT JOIN relief first_80 ON first_80.block_id = b1.id AND first_80.side = t.side AND first_80.threshold_percent = 80
LEFT JOIN relief second_50 ON second_50.block_id = b2.id AND second_50.side = t.side AND second_50.threshold_percent = 50
LEFT JOIN relief second_80 ON second_80.block_id = b2.id AND second_80.side = t.side AND second_80.threshold_percent = 80
LEFT JOIN judged j USING (episode_id, joint, side)
LEFT JOIN first_ablation a USING (episode_id, joint, side)
LEFT JOIN ablated again ON again.episode_id = t.episode_id AND again.joint = t.joint AND again.side = t.side AND again.place = 2
LEFT JOIN outcome o ON o.ablation_id = a.id

-- Views for those who ask with SQL: what was not withdrawn, with the names and units of the exports. Names, identifiers and
-- free text of patients are in none of them. Kept in step with the migration of the same name for the other database; a
-- test compares their rows with those of the exports.

CREATE VIEW v_patients AS
SELECT
    organization_id,
    id AS patient_id,
    CAST(birth_date AS DATE) AS birth_date,
    sex,
    version
FROM patients;

CREATE VIEW v_episodes AS
SELECT
    organization_id,
    id AS episode_id,
    patient_id,
    region,
    diagnosis,
    CAST(onset_date AS DATE) AS onset_date,
    causes,
    axial,
    radiculopathy,
    other_causes_excluded,
    worse_with_extension_or_rotation,
    imaging_suggests_facet,
    fused_joints,
    version
FROM episodes;

CREATE VIEW v_blocks AS
SELECT
    organization_id,
    id AS block_id,
    episode_id,
    patient_id,
    TIMESTAMPTZ 'epoch' + performed_at * INTERVAL '1 microsecond' AS performed_at,
    CAST(performed_on AS DATE) AS performed_on,
    performed_offset AS utc_offset_minutes,
    kind,
    technique,
    joints,
    side,
    agent,
    concentration_thousandths / 1000.0 AS concentration_percent,
    volume_microlitres / 1000.0 AS volume_ml_per_nerve,
    steroid,
    guidance,
    sedation,
    stated_relief_tenths / 10.0 AS stated_relief_percent,
    stated_relief_minutes,
    duration_minutes,
    operator,
    site,
    same_day_return,
    version
FROM blocks
WHERE withdrawn_at IS NULL;

CREATE VIEW v_scores AS
SELECT
    s.organization_id AS organization_id,
    s.id AS score_id,
    s.block_id AS block_id,
    s.patient_id AS patient_id,
    TIMESTAMPTZ 'epoch' + s.taken_at * INTERVAL '1 microsecond' AS taken_at,
    s.taken_offset AS utc_offset_minutes,
    (s.taken_at - b.performed_at) / 60000000.0 AS minutes_since_block,
    s.scale AS scale,
    s.value_tenths / 10.0 AS value,
    s.context AS context,
    s.side AS side,
    s.stated_relief_tenths / 10.0 AS stated_relief_percent,
    s.analgesic_taken AS analgesic_taken,
    s.reported_by AS reported_by,
    s.version AS version
FROM scores s
JOIN blocks b ON b.organization_id = s.organization_id AND b.id = s.block_id
WHERE s.withdrawn_at IS NULL AND b.withdrawn_at IS NULL;

CREATE VIEW v_ablations AS
SELECT
    organization_id,
    id AS ablation_id,
    episode_id,
    patient_id,
    CAST(performed_on AS DATE) AS performed_on,
    joints,
    side,
    technique,
    temperature_tenths_c / 10.0 AS temperature_c,
    pre_score_scale,
    pre_score_tenths / 10.0 AS pre_score_value,
    operator,
    site,
    version
FROM ablations
WHERE withdrawn_at IS NULL;

CREATE VIEW v_follow_ups AS
SELECT
    f.organization_id AS organization_id,
    f.id AS follow_up_id,
    f.ablation_id AS ablation_id,
    f.patient_id AS patient_id,
    CAST(f.taken_on AS DATE) AS taken_on,
    CAST(f.taken_on AS DATE) - CAST(a.performed_on AS DATE) AS days_since_ablation,
    f.score_scale AS score_scale,
    f.score_tenths / 10.0 AS score_value,
    CASE WHEN f.score_scale = a.pre_score_scale AND a.pre_score_tenths > 0
        THEN (a.pre_score_tenths - f.score_tenths) * 100.0 / a.pre_score_tenths END AS scored_relief_percent,
    f.stated_relief_tenths / 10.0 AS stated_relief_percent,
    f.function_improvement_tenths / 10.0 AS function_improvement_percent,
    f.pgic AS pgic,
    f.version AS version
FROM follow_ups f
JOIN ablations a ON a.organization_id = f.organization_id AND a.id = f.ablation_id
WHERE f.withdrawn_at IS NULL AND a.withdrawn_at IS NULL;

CREATE VIEW v_adverse_events AS
SELECT
    organization_id,
    id AS adverse_event_id,
    block_id,
    ablation_id,
    patient_id,
    category,
    grade,
    CAST(onset_on AS DATE) AS onset_on,
    relation,
    CAST(resolved_on AS DATE) AS resolved_on,
    version
FROM adverse_events;

CREATE VIEW v_determinations AS
SELECT
    organization_id,
    episode_id,
    patient_id,
    region,
    joint,
    side,
    profile,
    profile_version,
    purpose,
    verdict,
    next_step,
    CAST(earliest AS DATE) AS earliest,
    CAST(changes_on AS DATE) AS changes_on,
    CAST(since AS DATE) AS since,
    rediagnosed,
    relief_tenths / 10.0 AS relief_percent,
    operator,
    CAST(last_block_on AS DATE) AS last_block_on,
    CAST(evaluated_as_of AS DATE) AS evaluated_as_of,
    CASE statuses & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_block_count,
    CASE (statuses >> 2) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_relief,
    CASE (statuses >> 4) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_relief_duration,
    CASE (statuses >> 6) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_block_interval,
    CASE (statuses >> 8) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_block_age,
    CASE (statuses >> 10) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_levels,
    CASE (statuses >> 12) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_guidance,
    CASE (statuses >> 14) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_diagnostic_cap,
    CASE (statuses >> 16) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_pain_floor,
    CASE (statuses >> 18) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_pain_duration,
    CASE (statuses >> 20) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_conservative_care,
    CASE (statuses >> 22) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_radiculopathy,
    CASE (statuses >> 24) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_other_causes,
    CASE (statuses >> 26) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_axial_pain,
    CASE (statuses >> 28) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_fusion,
    CASE (statuses >> 30) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_ablation_cap,
    CASE (statuses >> 32) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_ablation_gap,
    CASE (statuses >> 34) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_pain_returned,
    CASE (statuses >> 36) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_repeat_relief,
    CASE (statuses >> 38) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_disability_recorded,
    CASE (statuses >> 40) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_no_steroid,
    CASE (statuses >> 42) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_no_sedation,
    CASE (statuses >> 44) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_volume,
    CASE (statuses >> 46) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_agent_duration,
    CASE (statuses >> 48) & 3 WHEN 1 THEN 'met' WHEN 2 THEN 'unmet' WHEN 3 THEN 'unknown' END AS rule_stated_agrees
FROM determinations;

-- Relief of each block on each treated side at 50, 75, 80 and 100 %, as far as its scores tell: the series with movement before
-- the current pain and the pain at rest, NRS before VAS; the last score in the seven days before the injection; the scores
-- after it up to the first analgesic.
CREATE VIEW v_relief AS
WITH rated AS (
    SELECT
        b.organization_id, b.id AS block_id, b.patient_id, b.episode_id, sides.side, s.scale, s.context, s.id AS score_id,
        s.value_tenths, s.analgesic_taken, s.taken_at - b.performed_at AS since
    FROM blocks b
    CROSS JOIN (SELECT 'left' AS side UNION ALL SELECT 'right') sides
    JOIN scores s ON s.organization_id = b.organization_id AND s.block_id = b.id
    WHERE b.withdrawn_at IS NULL AND s.withdrawn_at IS NULL
        AND (b.side = 'bilateral' OR b.side = sides.side)
        AND (s.side IS NULL OR s.side = sides.side)
),
baselines AS (
    SELECT
        rated.*,
        ROW_NUMBER() OVER (PARTITION BY organization_id, block_id, side, scale, context ORDER BY since DESC, score_id DESC) AS place
    FROM rated
    WHERE since <= 0 AND since >= -604800000000
),
-- Of two scores at one instant the one recorded later.
distinct_scores AS (
    SELECT
        rated.*,
        ROW_NUMBER() OVER (PARTITION BY organization_id, block_id, side, scale, context, since ORDER BY score_id DESC) AS place
    FROM rated
    WHERE since > 0
),
readings AS (
    SELECT
        distinct_scores.*,
        COALESCE(SUM(CASE WHEN analgesic_taken THEN 1 ELSE 0 END) OVER (
            PARTITION BY organization_id, block_id, side, scale, context ORDER BY since ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS analgesics_before
    FROM distinct_scores
    WHERE place = 1
),
series AS (
    SELECT
        baselines.*,
        ROW_NUMBER() OVER (
            PARTITION BY organization_id, block_id, side
            ORDER BY
                CASE context WHEN 'movement' THEN 1 WHEN 'current' THEN 2 ELSE 3 END,
                CASE scale WHEN 'nrs' THEN 1 ELSE 2 END
        ) AS choice
    FROM baselines
    WHERE place = 1 AND EXISTS (
        SELECT 1 FROM readings r
        WHERE r.organization_id = baselines.organization_id AND r.block_id = baselines.block_id AND r.side = baselines.side
            AND r.scale = baselines.scale AND r.context = baselines.context
    )
),
followed AS (
    SELECT
        s.organization_id, s.block_id, s.patient_id, s.episode_id, s.side, s.scale, s.context,
        s.value_tenths AS baseline_tenths, r.value_tenths, r.since, t.percent,
        CASE WHEN s.value_tenths > 0 AND (s.value_tenths - r.value_tenths) * 100 >= t.percent * s.value_tenths
            THEN 1 ELSE 0 END AS reaches
    FROM series s
    JOIN readings r ON r.organization_id = s.organization_id AND r.block_id = s.block_id AND r.side = s.side
        AND r.scale = s.scale AND r.context = s.context AND r.analgesics_before = 0
    CROSS JOIN (SELECT 50 AS percent UNION ALL SELECT 75 UNION ALL SELECT 80 UNION ALL SELECT 100) t
    WHERE s.choice = 1
),
onsets AS (
    SELECT
        followed.*,
        MIN(CASE WHEN reaches = 1 THEN since END) OVER (PARTITION BY organization_id, block_id, side, percent) AS onset
    FROM followed
),
ends AS (
    SELECT
        onsets.*,
        MIN(CASE WHEN reaches = 0 AND since > onset THEN since END) OVER (PARTITION BY organization_id, block_id, side, percent) AS ended,
        LAG(since) OVER (PARTITION BY organization_id, block_id, side, percent ORDER BY since) AS since_before
    FROM onsets
)
SELECT
    organization_id, block_id, patient_id, episode_id, side, percent AS threshold_percent, scale, context,
    MAX(baseline_tenths) / 10.0 AS baseline,
    CASE WHEN MAX(baseline_tenths) > 0 THEN (
        (MAX(baseline_tenths) - MIN(value_tenths)) * 1000
        - ((((MAX(baseline_tenths) - MIN(value_tenths)) * 1000) % MAX(baseline_tenths)) + MAX(baseline_tenths)) % MAX(baseline_tenths)
    ) / MAX(baseline_tenths) / 10.0 END AS best_relief_percent,
    MAX(onset) / 60000000 AS onset_minutes,
    (MAX(CASE WHEN reaches = 1 AND since >= onset AND (ended IS NULL OR since < ended) THEN since END) - MAX(onset)) / 60000000
        AS min_minutes,
    (MAX(ended) - COALESCE(MAX(CASE WHEN reaches = 0 AND since < onset THEN since END), 0)) / 60000000 AS max_minutes,
    CASE WHEN MAX(onset) IS NOT NULL THEN
        COALESCE(MAX(CASE WHEN since > onset AND (ended IS NULL OR since < ended) THEN since - since_before END), 0) / 60000000
    END AS largest_gap_minutes
FROM ends
GROUP BY organization_id, block_id, patient_id, episode_id, side, percent, scale, context;

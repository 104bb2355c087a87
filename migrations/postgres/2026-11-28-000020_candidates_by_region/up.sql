-- What the list of candidates is narrowed by is found without reading the rows themselves. The first four columns are always
-- given, all values of a column where the filter names none; the operator and the verdict are there to be looked at.
CREATE INDEX determinations_by_region ON determinations (organization_id, next_step, region, side, profile, relief_order, episode_id, operator, verdict);

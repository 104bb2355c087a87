DROP INDEX determinations_by_region;

ALTER TABLE exports DROP COLUMN expected_rows;
ALTER TABLE exports DROP COLUMN dates;
ALTER TABLE exports DROP COLUMN chosen_columns;

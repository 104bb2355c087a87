DROP TABLE cds_feedback;
DROP TABLE cds_cards;
DROP TABLE cds_calls;

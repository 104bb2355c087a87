DROP INDEX diary_links_by_end;
DROP TABLE overdue_diaries;
DROP TABLE deliveries;
DROP TABLE subscription_events;
DROP TABLE subscription_topics;
DROP TABLE subscriptions;

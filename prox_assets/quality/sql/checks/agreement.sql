CREATE TABLE agreement (file VARCHAR, column_name VARCHAR, expected VARCHAR, found VARCHAR, agreement VARCHAR);

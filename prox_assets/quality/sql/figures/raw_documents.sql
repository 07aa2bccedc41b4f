-- Of the rows of the source, so that it is there also where no row was accepted.
INSERT INTO figures
SELECT 'rejected_share', '', rejected / (accepted + rejected)
FROM (SELECT (SELECT count(*) FROM subject) AS accepted, (SELECT count(*) FROM rejected) AS rejected)
WHERE accepted + rejected > 0;

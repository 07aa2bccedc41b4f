SELECT 'subject', count(*) FROM subject
UNION ALL SELECT 'upstream', count(*) FROM upstream
UNION ALL SELECT 'rejected', count(*) FROM rejected;

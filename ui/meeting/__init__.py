"""What a meeting takes home: saved views, collected pages, reports."""

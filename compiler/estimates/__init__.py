"""What running a program costs: events times prices, with every number's source, grade and interval."""

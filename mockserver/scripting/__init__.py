"""What a tester scripts, as data: answers, rules, faults and magic words."""

"""What a tester asks for, as data: answers, rules, faults, magic words."""

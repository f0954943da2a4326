# Fails when the first file, a kernel's configuration, lacks what the others ask for; of two that ask for another value the later one counts.
FNR == NR {
	has[$0]
	next
}
/^CONFIG_/ {
	split($0, word, "=")
	wanted[word[1]] = $0
}
/^# CONFIG_.* is not set$/ {
	delete wanted[$2]
}
END {
	for (option in wanted)
		if (!(wanted[option] in has)) {
			print "the kernel's configuration has lost " wanted[option] | "cat >&2"
			lost = 1
		}
	exit lost
}

package policy

// maxEffort bounds what one evaluation may cost, in bytes that are compared, at about
// three nanoseconds each. Policies as people write them stay far below it. One that
// says the same long pattern thousands of times, as a session policy can that packs
// well, would keep the service busy for minutes.
const maxEffort = 4 << 20

// evaluated returns the same values for one evaluation, whose effort is counted in it.
func (c *Context) evaluated() *Context {
	if c == nil {
		return &Context{}
	}
	return &Context{entries: c.entries}
}

// spend reports whether there is effort left for n bytes more.
func (c *Context) spend(n int) bool {
	if c == nil {
		return true
	}
	c.effort += n
	return !c.exhausted()
}

// exhausted reports that some pattern was not looked at. Which one it was depends on
// the order of the statements, so the whole evaluation is worth nothing then.
func (c *Context) exhausted() bool { return c.effort > maxEffort }

// effort is what it costs at most to match s: next to nothing without a search.
func (p *pattern) effort(s string) int {
	if !p.first.marks && (p.exact || p.head) {
		return 0
	}
	each := 1
	for i := range p.inner {
		if p.inner[i].marks {
			each += len(p.inner[i].text)
		} else {
			each++
		}
	}
	return each * len(s)
}

package sigv4

import "strings"

// headerFields reads the Authorization header and the headers that go with it.
func headerFields(r *Request, authorization string) (f fields, err error) {
	if len(authorization) > maxAuthorization {
		return f, incomplete("Authorization header must be at most %d bytes long.", maxAuthorization)
	}
	var rest string
	f.algorithm, rest, _ = strings.Cut(strings.TrimSpace(authorization), " ")
	if err := f.readPairs(rest); err != nil {
		return f, err
	}
	if f.date, err = r.single("X-Amz-Date"); err != nil {
		return f, err
	}
	if f.date == "" {
		if f.date, err = r.single("Date"); err != nil {
			return f, err
		}
	}
	if f.token, err = r.single("X-Amz-Security-Token"); err != nil {
		return f, err
	}

	lacking := absent(
		element{"Credential", f.credential},
		element{"Signature", f.signature},
		element{"SignedHeaders", f.names})
	if len(lacking) > 0 || f.date == "" {
		return f, missing(lacking, f.date != "")
	}
	return f, nil
}

// readPairs reads "Credential=..., SignedHeaders=..., Signature=...", in any order.
func (f *fields) readPairs(list string) error {
	for list != "" {
		var pair string
		pair, list, _ = strings.Cut(list, ",")
		pair = strings.TrimSpace(pair)
		if pair == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return incomplete("'%s' not a valid key=value pair (missing equal-sign) in Authorization header.", name)
		}
		var member *string
		switch name {
		case "Credential":
			member = &f.credential
		case "SignedHeaders":
			member = &f.names
		case "Signature":
			member = &f.signature
		}
		if member == nil || *member != "" {
			return incomplete("'%s' not a valid key in Authorization header: give each of Credential, SignedHeaders and Signature once.", name)
		}
		*member = value
	}
	return nil
}

type element struct{ name, value string }

// absent returns the names of those elements that have no value.
func absent(elements ...element) (names []string) {
	for _, e := range elements {
		if e.value == "" {
			names = append(names, e.name)
		}
	}
	return names
}

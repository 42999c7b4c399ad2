package sigv4

// queryFields reads the signature of a presigned URL.
func queryFields(query []parameter) (f fields, err error) {
	for _, p := range []struct {
		name   string
		member *string
	}{
		{"X-Amz-Algorithm", &f.algorithm},
		{"X-Amz-Credential", &f.credential},
		{"X-Amz-Signature", &f.signature},
		{"X-Amz-SignedHeaders", &f.names},
		{"X-Amz-Date", &f.date},
		{"X-Amz-Security-Token", &f.token},
	} {
		if *p.member, err = lookup(query, p.name); err != nil {
			return f, err
		}
	}
	lacking := absent(
		element{"X-Amz-Credential", f.credential},
		element{"X-Amz-Signature", f.signature},
		element{"X-Amz-SignedHeaders", f.names},
		element{"X-Amz-Date", f.date})
	if len(lacking) > 0 {
		return f, missingParameters(lacking)
	}
	return f, nil
}

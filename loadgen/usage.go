package loadgen

import "errors"

// usageError is a mistake of the user's: nothing was sent.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

func usage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

// IsUsage says whether an error of Run came before anything was sent and is
// for the user to mend: an impossible scenario, a target that is not there.
func IsUsage(err error) bool {
	var u usageError
	return errors.As(err, &u)
}

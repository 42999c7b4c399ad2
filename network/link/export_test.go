package link

// What tests of the package look at from outside.
var (
	SourceRoutes = sourceRoutes
	BypassOf     = bypass
	OpenEvents   = openEvents
)

// Hold keeps the reader from reading on until the function that it returns is called.
func (e *Events) Hold() (release func()) {
	e.mu.Lock()
	return e.mu.Unlock
}

// Resize sets how much the socket holds from now on, in bytes.
func (e *Events) Resize(buffer int) error {
	raw, err := e.socket.SyscallConn()
	if err != nil {
		return err
	}
	var failure error
	if err := raw.Control(func(fd uintptr) { failure = resize(int(fd), buffer) }); err != nil {
		return err
	}
	return failure
}

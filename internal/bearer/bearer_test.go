package bearer

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestValid(t *testing.T) {
	for header, ok := range map[string]bool{
		"Bearer right": true, "bearer right": true, "BEARER right": true,
		"": false, "right": false, "Bearer": false, "Bearer ": false, "Bearer wrong": false, "Bearer Right": false,
		"Bearer right ": false, "Bearer  right": false, "Bearer righ": false, "Bearer right2": false, "Basic right": false,
	} {
		if Valid(header, "right") != ok {
			t.Errorf("%q: want %v", header, ok)
		}
		if !Valid(header, "") {
			t.Errorf("%q is refused where no token is wanted", header)
		}
	}
}

func TestRequire(t *testing.T) {
	reached, denied := 0, 0
	h := Require("right", func() { denied++ }, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	for header, code := range map[string]int{"": 401, "Bearer wrong": 401, "Bearer right": 200} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", header)
		h.ServeHTTP(w, r)
		if w.Code != code || strings.Contains(w.Body.String(), "right") {
			t.Errorf("%q: %d %s", header, w.Code, w.Body)
		}
		if code == 401 && w.Header().Get("WWW-Authenticate") != "Bearer" {
			t.Error("nothing tells what is wanted")
		}
	}
	if reached != 1 || denied != 2 {
		t.Errorf("reached %d, denied %d", reached, denied)
	}
}

func TestFit(t *testing.T) {
	for token, ok := range map[string]bool{"": true, "a-Z_0.~+/=": true, "a b": false, "a\n": false, "ä": false, "\x7f": false} {
		if Fit(token) != ok {
			t.Errorf("%q: want %v", token, ok)
		}
	}
}

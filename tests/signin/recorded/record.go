// Records what Go's html/template makes of the templates beside this file; see README.md.
//
// It loads a template the way oauth2-proxy does (ParseFiles into one set, with ToUpper and ToLower) and gives it
// values of the same types and names, so that what is written down is what users of oauth2-proxy see.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"strings"
)

type signIn struct {
	ProviderName  string
	SignInMessage template.HTML
	StatusCode    int
	CustomLogin   bool
	Redirect      string
	Version       string
	ProxyPrefix   string
	Footer        template.HTML
	LogoData      template.HTML
}

type errorPage struct {
	Title       string
	Message     string
	ProxyPrefix string
	StatusCode  int
	Redirect    string
	RequestID   string
	Footer      template.HTML
	Version     string
}

// Values of both pages by the name of their set, as values.json has them.
type values map[string]map[string]json.RawMessage

// One outcome: what was written, or why nothing can be.
type outcome struct {
	Output string `json:"output"`
	Error  string `json:"error,omitempty"`
}

func main() {
	if err := record(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func record(folder string) error {
	text, err := os.ReadFile(filepath.Join(folder, "values.json"))
	if err != nil {
		return err
	}
	var sets values
	if err := json.Unmarshal(text, &sets); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(folder, "templates", "*.html"))
	if err != nil {
		return err
	}
	recorded := map[string]map[string]outcome{}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name := filepath.Base(file)
		recorded[name] = map[string]outcome{}
		for set, pages := range sets {
			recorded[name][set] = render(name, string(source), pages)
		}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(recorded); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "recorded.json"), out.Bytes(), 0o644)
}

// A file whose name begins with "error" is the error page, any other the sign-in page.
func render(file, source string, pages map[string]json.RawMessage) outcome {
	var data any = &signIn{}
	page := "sign_in.html"
	if strings.HasPrefix(file, "error") {
		data, page = &errorPage{}, "error.html"
	}
	if err := json.Unmarshal(pages[page], data); err != nil {
		return outcome{Error: err.Error()}
	}
	set, err := template.New("").Funcs(template.FuncMap{"ToUpper": strings.ToUpper, "ToLower": strings.ToLower}).New(page).Parse(source)
	if err != nil {
		return outcome{Error: err.Error()}
	}
	var written bytes.Buffer
	switch page := data.(type) {
	case *signIn:
		err = set.ExecuteTemplate(&written, "sign_in.html", *page)
	case *errorPage:
		err = set.ExecuteTemplate(&written, "error.html", *page)
	}
	if err != nil {
		return outcome{Error: err.Error()}
	}
	return outcome{Output: written.String()}
}

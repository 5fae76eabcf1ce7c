package wall

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"
	"github.com/gorilla/websocket"
)

const (
	drawEvery  = 500 * time.Millisecond
	retryAfter = 2 * time.Second
	maxMessage = 16 << 20 // of the server's
	silentFor  = 15 * time.Second

	valuesEvery = 5 * time.Second // those of alerts are asked for
)

// Run shows the wall of a server in a terminal until the reader leaves or ctx ends. The URL may
// have a user and a password; token, unless empty, is sent as a bearer's. Plain says that the
// terminal has ASCII alone.
func Run(ctx context.Context, server *url.URL, token string, plain bool, in io.Reader, out io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	program := tea.NewProgram(&wall{board: &board{}, plain: plain}, tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out), tea.WithAltScreen(), tea.WithFPS(4))
	go follow(ctx, server, token, program.Send)
	_, err := program.Run()
	if errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil {
		return nil
	}
	return err
}

// What the program is told.
type (
	said    struct{ m *message }
	alerts  struct{ now []alertNow }
	lost    struct{ why string }
	drawing struct{}
)

// follow reads the server's socket until ctx ends, and connects again.
func follow(ctx context.Context, server *url.URL, token string, tell func(tea.Msg)) {
	header := http.Header{}
	switch password, ok := server.User.Password(); {
	case token != "":
		header.Set("Authorization", "Bearer "+token)
	case ok:
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(server.User.Username()+":"+password)))
	}
	base := *server
	base.User = nil
	for ctx.Err() == nil {
		err := read(ctx, &base, header, tell)
		if ctx.Err() == nil {
			tell(lost{clean(err.Error())})
			select {
			case <-ctx.Done():
			case <-time.After(retryAfter):
			}
		}
	}
}

func read(ctx context.Context, base *url.URL, header http.Header, tell func(tea.Msg)) error {
	socket := *base
	socket.Scheme = strings.Replace(base.Scheme, "http", "ws", 1)
	socket.Path = strings.TrimSuffix(base.Path, "/") + "/ws"
	dialer := websocket.Dialer{HandshakeTimeout: 10 * time.Second, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, EnableCompression: true, Proxy: http.ProxyFromEnvironment}
	conn, response, err := dialer.DialContext(ctx, socket.String(), header)
	switch {
	case response != nil && err != nil && response.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("%s wants a login: give --token @FILE, or a user and a password in the address", base.Host)
	case response != nil && err != nil:
		return fmt.Errorf("%s answered %s", base.Host, response.Status)
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	conn.SetReadLimit(maxMessage)
	var version uint64
	var asked time.Time
	going := false
	for first := true; ; first = false {
		conn.SetReadDeadline(time.Now().Add(silentFor)) //nolint:errcheck // reading says so
		_, text, err := conn.ReadMessage()
		if err != nil {
			return err
		}
		m := &message{}
		if err := json.Unmarshal(text, m); err != nil {
			return fmt.Errorf("%s does not speak as a Pulse does: %w", base.Host, err)
		}
		tell(said{m})
		// The values of what goes on change without another version.
		if m.Alerts != nil && (first || *m.Alerts != version || going && time.Since(asked) > valuesEvery) {
			version, asked = *m.Alerts, time.Now()
			if now, err := readAlerts(ctx, base, header); err == nil {
				going = len(now) > 0
				tell(alerts{now})
			}
		}
	}
}

func readAlerts(ctx context.Context, base *url.URL, header http.Header) ([]alertNow, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base.String(), "/")+"/api/alerts", nil)
	if err != nil {
		return nil, err
	}
	request.Header = header.Clone()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var told struct {
		Incidents []alertNow `json:"incidents"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxMessage)).Decode(&told); err != nil {
		return nil, err
	}
	var now []alertNow
	for _, i := range told.Incidents {
		if i.Until == nil {
			now = append(now, i)
		}
	}
	return now, nil
}

// A wall is what the terminal shows.
type wall struct {
	board     *board
	plain     bool   // of ASCII alone
	lost      string // why the server is not heard
	page      int
	at        int // the row that is chosen
	open      bool
	listed    bool // what goes on is, instead of a page
	search    string
	searching bool
	width     int
	height    int
	drawn     string
	fresh     bool // drawn is of now
}

// Init implements tea.Model.
func (w *wall) Init() tea.Cmd { return again() }

func again() tea.Cmd { return tea.Tick(drawEvery, func(time.Time) tea.Msg { return drawing{} }) }

// Update implements tea.Model. What comes from the server is drawn with the next tick, however
// much it is: the terminal may be far away.
func (w *wall) Update(m tea.Msg) (tea.Model, tea.Cmd) {
	switch m := m.(type) {
	case said:
		w.lost = ""
		if err := w.board.take(m.m); err != nil {
			w.lost = clean(err.Error())
		}
		return w, nil
	case alerts:
		w.board.alerts = m.now
		return w, nil
	case lost:
		w.lost = m.why
		return w, nil
	case drawing:
		w.fresh = false
		return w, again()
	case tea.WindowSizeMsg:
		w.width, w.height = m.Width, m.Height
	case tea.KeyMsg:
		w.fresh = false
		return w, w.key(m)
	}
	w.fresh = false
	return w, nil
}

func (w *wall) key(m tea.KeyMsg) tea.Cmd {
	_, rows := w.board.rows(w.page, w.search)
	if w.searching {
		switch m.Type {
		case tea.KeyEnter:
			w.searching = false
		case tea.KeyEsc, tea.KeyCtrlC:
			w.searching, w.search = false, ""
		case tea.KeyBackspace:
			if r := []rune(w.search); len(r) > 0 {
				w.search = string(r[:len(r)-1])
			}
		case tea.KeyRunes, tea.KeySpace:
			if len(w.search) < 80 {
				w.search += clean(string(m.Runes))
			}
		}
		w.at = 0
		return nil
	}
	switch key := m.String(); key {
	case "q", "ctrl+c":
		return tea.Quit
	case "/":
		w.searching, w.open, w.listed, w.search = true, false, false, ""
	case "enter":
		w.open = !w.open && len(rows) > 0
	case "a":
		w.listed = !w.listed
	case "esc":
		w.open, w.listed, w.search = false, false, ""
	case "up", "k":
		w.at = max(w.at-1, 0)
	case "down", "j":
		w.at = min(w.at+1, max(len(rows)-1, 0))
	case "left", "[":
		w.turn(w.page - 1)
	case "right", "]", "tab":
		w.turn(w.page + 1)
	default:
		if len(key) == 1 && key[0] >= '1' && key[0] <= '9' && int(key[0]-'1') < len(w.board.pages) {
			w.turn(int(key[0] - '1'))
		}
	}
	return nil
}

func (w *wall) turn(page int) {
	if n := len(w.board.pages); n > 0 {
		w.page, w.at, w.open, w.listed, w.search = (page+n)%n, 0, false, false, ""
	}
}

var (
	bold  = lipgloss.NewStyle().Bold(true)
	faint = lipgloss.NewStyle().Faint(true)
	crit  = lipgloss.NewStyle().Foreground(lipgloss.Color("9")).Bold(true)
	warn  = lipgloss.NewStyle().Foreground(lipgloss.Color("11"))
	fires = lipgloss.NewStyle().Background(lipgloss.Color("1")).Foreground(lipgloss.Color("15")).Bold(true)
	here  = lipgloss.NewStyle().Reverse(true)
)

// View implements tea.Model.
func (w *wall) View() string {
	if !w.fresh {
		if w.drawn, w.fresh = w.draw(), true; w.plain {
			w.drawn = ascii(w.drawn)
		}
	}
	return w.drawn
}

func (w *wall) draw() string {
	width, height := max(w.width, 20), max(w.height, 6)
	title, rows := w.board.rows(w.page, w.search)
	w.at = min(w.at, max(len(rows)-1, 0))
	now, recording := w.board.time()
	lines := []string{w.tabs(title, width)}
	if w.lost != "" {
		lines = append(lines, warn.Render(fit("not connected: "+w.lost, width)))
	}
	if !w.listed {
		lines = append(lines, w.firing(width)...)
	}
	foot := "1-9 pages  / find  ↑↓ choose  enter open  a alerts  q leave"
	if w.listed {
		foot = "a or esc back  q leave"
	}
	if w.searching {
		foot = "find: " + w.search + "▏"
	}
	room := height - len(lines) - 1
	if w.listed {
		lines = append(lines, w.list(now, width, room)...)
	} else if w.open && len(rows) > 0 {
		lines = append(lines, panel(rows[w.at], now, width, room)...)
	} else {
		first := max(0, min(w.at-room+1, len(rows)-room))
		if w.at < first {
			first = w.at
		}
		for i := max(first, 0); i < len(rows) && len(lines) < height-1; i++ {
			lines = append(lines, row(rows[i], now, width, i == w.at))
		}
		if len(rows) == 0 {
			lines = append(lines, faint.Render("nothing yet"))
		}
	}
	for len(lines) < height-1 {
		lines = append(lines, "")
	}
	if recording {
		foot = "recording of " + time.Unix(int64(now), 0).UTC().Format("2006-01-02 15:04:05") + "  " + foot
	}
	return strings.Join(append(lines[:height-1], faint.Render(fit(foot, width))), "\n")
}

// tabs are the pages, the open one bold.
func (w *wall) tabs(title string, width int) string {
	texts := []string{}
	for i, p := range w.board.pages {
		if text := fmt.Sprintf("%d %s", i+1, clean(p.Title)); i < 9 {
			texts = append(texts, text)
		}
	}
	if w.search != "" {
		texts = append([]string{title}, texts...)
	}
	line := fit("Pulse  "+strings.Join(texts, "  "), width)
	return strings.Replace(line, title, bold.Underline(true).Render(title), 1)
}

// firing names what goes on.
func (w *wall) firing(width int) (lines []string) {
	silenced := 0
	now, _ := w.board.time()
	for _, a := range w.board.alerts {
		if len(a.Silence) > 0 {
			silenced++
			continue
		}
		text := fmt.Sprintf(" ● %s ", a.name())
		if a.Kind == "unknown" {
			text += "is not known "
		}
		text += a.lasts(now) + " "
		if len(lines) == 3 {
			lines = append(lines, fires.Render(fit(fmt.Sprintf(" and %d more", len(w.board.alerts)-silenced-3), width)))
			break
		}
		lines = append(lines, fires.Render(fit(text, width)))
	}
	if silenced > 0 {
		lines = append(lines, faint.Render(fmt.Sprintf(" %d silenced", silenced)))
	}
	return lines
}

// list is all that goes on, with what is compared.
func (w *wall) list(now float64, width, room int) (lines []string) {
	for _, a := range w.board.alerts {
		if len(lines) == room-1 && len(w.board.alerts) > room {
			return append(lines, faint.Render(fit(fmt.Sprintf(" and %d more", len(w.board.alerts)-len(lines)), width)))
		}
		state, style := "firing", crit
		switch {
		case len(a.Silence) > 0:
			state, style = "silenced", faint
		case a.Kind == "unknown":
			state, style = "not known", warn
		}
		text := fmt.Sprintf(" %-9s  %s  %s", state, a.name(), a.lasts(now))
		if a.Now != "" {
			text += ", now " + clean(a.Now)
		}
		if a.Value != "" && a.Value != a.Now {
			text += ", it began with " + clean(a.Value)
		}
		lines = append(lines, style.Render(fit(text, width)))
	}
	if len(lines) == 0 {
		lines = append(lines, faint.Render(fit(" no alert fires", width)))
	}
	return lines
}

// row is a stat: its name, its value and its last seconds.
func row(s *series, now float64, width int, chosen bool) string {
	name, figure := max(min(width/3, 36), 8), max(min(width/3, 44), 8)
	label := fit(" "+clean(s.Title), name)
	if chosen { // also where nothing is reversed
		label = here.Render(fit(">"+clean(s.Title), name))
	}
	text := fit(s.figure(now), figure)
	sign := "  "
	switch s.level() {
	case "crit":
		text, sign = crit.Render(text), crit.Render("▲ ")
	case "warn":
		text, sign = warn.Render(text), warn.Render("△ ")
	}
	if s.newest == 0 || s.stale || now-float64(s.newest) > 6 {
		text = faint.Render(text)
	}
	return label + " " + sign + text + " " + s.spark(width-name-figure-4)
}

// panel is a stat large: every number, a chart, and what it means.
func panel(s *series, now float64, width, height int) []string {
	lines := []string{bold.Render(fit(clean(s.Title), width)), fit(s.figure(now), width), "", s.spark(width), ""}
	for _, text := range []string{s.Help, s.Kind + fmt.Sprintf(", over %d s", s.Over), s.Where, s.Name} {
		if text != "" {
			lines = append(lines, faint.Render(fit(clean(text), width)))
		}
	}
	lines = append(lines, "")
	lines = append(lines, numbers(s, width)...)
	return lines[:min(len(lines), max(height, 1))]
}

// signs are what stands for those of the wall where a terminal has ASCII alone.
var signs = map[rune]rune{
	'▁': '_', '▂': '.', '▃': ':', '▄': '-', '▅': '=', '▆': '+', '▇': '*', '█': '#',
	'▲': '!', '△': '?', '●': '*', '…': '~', '“': '"', '”': '"', '↑': '^', '↓': 'v', '–': '-', '·': '.', '▏': '_',
}

// ascii is a text in as many columns with nothing but ASCII.
func ascii(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch sign, known := signs[r]; {
		case r <= unicode.MaxASCII:
			b.WriteRune(r)
		case known:
			b.WriteRune(sign)
		default:
			b.WriteString(strings.Repeat("?", lipgloss.Width(string(r))))
		}
	}
	return b.String()
}

// fit cuts a text to so many columns, or fills it up.
func fit(text string, columns int) string {
	if r := []rune(text); len(r) > 2*columns+2 {
		text = string(r[:max(2*columns, 2)])
	}
	for lipgloss.Width(text) > columns {
		r := []rune(text)
		if len(r) < 2 {
			return strings.Repeat(" ", max(columns, 0))
		}
		text = string(r[:len(r)-2]) + "…"
	}
	return text + strings.Repeat(" ", columns-lipgloss.Width(text))
}

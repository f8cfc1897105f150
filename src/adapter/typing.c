#include "adapter/typing.h"

#include <assert.h>
#include <errno.h>
#include <linux/input-event-codes.h>
#include <string.h>

#define LEVELS 3u /* alone, with Shift, with AltGr */
#define NONE ' '  /* no character of ASCII, or only a dead key */

/* In the order of the rows below: digits, the three rows of letters, and what lies beside them. */
static const uint16_t positions[] = {
	KEY_1,         KEY_2,     KEY_3, KEY_4,         KEY_5,          KEY_6,
	KEY_7,         KEY_8,     KEY_9, KEY_0,         KEY_MINUS,      KEY_EQUAL,
	KEY_Q,         KEY_W,     KEY_E, KEY_R,         KEY_T,          KEY_Y,
	KEY_U,         KEY_I,     KEY_O, KEY_P,         KEY_LEFTBRACE,  KEY_RIGHTBRACE,
	KEY_A,         KEY_S,     KEY_D, KEY_F,         KEY_G,          KEY_H,
	KEY_J,         KEY_K,     KEY_L, KEY_SEMICOLON, KEY_APOSTROPHE, KEY_GRAVE,
	KEY_BACKSLASH, KEY_102ND, KEY_Z, KEY_X,         KEY_C,          KEY_V,
	KEY_B,         KEY_N,     KEY_M, KEY_COMMA,     KEY_DOT,        KEY_SLASH,
};
#define POSITIONS ((unsigned)(sizeof(positions) / sizeof(positions[0])))

/* Characters by position and level; a dead key gives none, as the next one would swallow it. */
static const char *const layouts[TYPING_KEYPAD][LEVELS] = {
	[TYPING_US] = {
		"1234567890-=" "qwertyuiop[]" "asdfghjkl;'" "`\\ " "zxcvbnm,./",
		"!@#$%^&*()_+" "QWERTYUIOP{}" "ASDFGHJKL:\"" "~| " "ZXCVBNM<>?",
		"            " "            " "           " "   " "          ",
	},
	[TYPING_DE] = {
		"1234567890  " "qwertzuiop +" "asdfghjkl  " " #<" "yxcvbnm,.-",
		"!\" $%&/()=? " "QWERTZUIOP *" "ASDFGHJKL  " " '>" "YXCVBNM;:_",
		"      {[]}\\ " "@          ~" "           " "  |" "          ",
	},
	[TYPING_FR] = {
		"& \"'(- _  )=" "azertyuiop $" "qsdfghjklm " " *<" "wxcvbn,;:!",
		"1234567890 +" "AZERTYUIOP  " "QSDFGHJKLM%" "  >" "WXCVBN?./ ",
		" ~#{[|`\\^@]}" "            " "           " "   " "          ",
	},
};
static const uint16_t modifiers[LEVELS] = { 0, KEY_LEFTSHIFT, KEY_RIGHTALT };

static const struct {
	char c;
	uint16_t code;
} keypad[] = {
	{ '0', KEY_KP0 },        { '1', KEY_KP1 },     { '2', KEY_KP2 },
	{ '3', KEY_KP3 },        { '4', KEY_KP4 },     { '5', KEY_KP5 },
	{ '6', KEY_KP6 },        { '7', KEY_KP7 },     { '8', KEY_KP8 },
	{ '9', KEY_KP9 },        { '+', KEY_KPPLUS },  { '-', KEY_KPMINUS },
	{ '*', KEY_KPASTERISK }, { '/', KEY_KPSLASH }, { '\n', KEY_KPENTER },
};
#define KEYPAD ((unsigned)(sizeof(keypad) / sizeof(keypad[0])))

struct key {
	uint16_t code, modifier; /* modifier 0: none */
};

/* ---- which key ----------------------------------------------------------------------------- */

static bool
find_on_keypad(char c, struct key *ret_key)
{
	for (size_t i = 0; i < KEYPAD; i++) {
		if (keypad[i].c != c)
			continue;
		*ret_key = (struct key){ keypad[i].code, 0 };
		return true;
	}
	return false;
}

static bool
find(enum typing_layout layout, char c, struct key *ret_key)
{
	const char *at;

	if (c == '\r')
		c = '\n';
	if (c == '\t') {
		*ret_key = (struct key){ KEY_TAB, 0 };
		return true;
	}
	if (layout == TYPING_KEYPAD)
		return find_on_keypad(c, ret_key);
	if (c == '\n' || c == ' ') {
		*ret_key = (struct key){ c == ' ' ? KEY_SPACE : KEY_ENTER, 0 };
		return true;
	}
	for (unsigned level = 0; c > ' ' && level < LEVELS; level++) {
		const char *row = layouts[layout][level];

		assert(strlen(row) == POSITIONS);
		at = strchr(row, c);
		if (at == NULL)
			continue;
		*ret_key = (struct key){ positions[at - row], modifiers[level] };
		return true;
	}
	return false;
}

uint16_t
typing_key_at(unsigned i)
{
	static const uint16_t others[] = { KEY_ENTER, KEY_TAB, KEY_SPACE, KEY_LEFTSHIFT,
					   KEY_RIGHTALT };

	if (i < POSITIONS)
		return positions[i];
	i -= POSITIONS;
	if (i < KEYPAD)
		return keypad[i].code;
	i -= KEYPAD;
	return i < sizeof(others) / sizeof(others[0]) ? others[i] : 0;
}

/* ---- typing --------------------------------------------------------------------------------- */

int
typing_begin(struct typing *t, const struct typing_setting *setting, struct str text)
{
	struct key k;

	if (text.n == 0)
		return -EINVAL;
	if (text.n > TYPING_TEXT_MAX)
		return -EMSGSIZE;
	for (size_t i = 0; i < text.n; i++)
		if (!find(setting->layout, text.p[i], &k))
			return -EINVAL;
	*t = (struct typing){ .setting = *setting, .length = (uint32_t)text.n };
	memcpy(t->text, text.p, text.n);
	return 0;
}

static void
add(struct typing_step *s, uint16_t code, uint8_t down)
{
	assert(s->count < TYPING_EVENTS_MAX);
	s->events[s->count++] = (struct typing_event){ code, down };
}

void
typing_release(struct typing *t, struct typing_step *ret_step)
{
	struct key k;

	ret_step->count = 0;
	if (!t->pressed || !find(t->setting.layout, t->text[t->typed], &k))
		return;
	add(ret_step, k.code, 0);
	if (k.modifier != 0)
		add(ret_step, k.modifier, 0);
	t->pressed = false;
	t->typed++; /* the other side has seen it */
}

bool
typing_next(struct typing *t, struct typing_step *ret_step)
{
	struct key k = { 0, 0 };
	bool known;

	ret_step->count = 0;
	if (t->pressed) {
		typing_release(t, ret_step);
		return true;
	}
	if (t->typed == t->length)
		return false;
	known = find(t->setting.layout, t->text[t->typed], &k);
	assert(known); /* typing_begin looked at every one */
	if (k.modifier != 0)
		add(ret_step, k.modifier, 1);
	add(ret_step, k.code, 1);
	t->pressed = true;
	return true;
}

// The style sheet and the script of the report page: constants, written into the page as they are.
#ifndef RL_REPORT_STYLE_H
#define RL_REPORT_STYLE_H

// Light and dark by the reader's setting or the page's button; print is always light. Colours are those of Okabe and
// Ito (told apart with every common colour vision deficiency), lightened for dark. No font or image is loaded.
extern const char report_css[];

// Hover values of charts, bars and tokens, the choice of what colours the tokens, and the theme button. Without it the
// page is complete but still. Text reaches the page through textContent alone.
extern const char report_js[];

#endif

// Package chart draws charts as SVG that needs no script, no style attribute
// and no fixed width. All colours are classes, so a style sheet decides them;
// all text is escaped.
//
// A chart is one <svg> as wide as its box. Its curves lie in a nested <svg>
// that is stretched to that width, with strokes that do not stretch; its text
// and marks are placed in per cent of the width, so that letters keep their
// size on a telephone and on a wall.
package chart

// SPDX-License-Identifier: Apache-2.0
// What tells series apart: colour, dash pattern, marker and hatching, each enough by itself.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace treino::chart {

inline constexpr std::size_t kPlaces = 8;

struct Place {
  const char* light;   // colour on white paper, at least 3:1 against it
  const char* dark;    // colour on black paper
  const char* dash;    // of the stroke, in pixels; empty: solid
  int ansi;            // foreground colour of a terminal
  const char* letter;  // on a terminal without colour
};

// Colours after Okabe and Ito, "Color universal design", 2008, darkened or lightened for contrast.
inline constexpr std::array<Place, kPlaces> kPlaceTable{{
    {"#0072b2", "#56b4e9", "", 36, "a"},
    {"#c04a00", "#ff9f5a", "7 3", 33, "b"},
    {"#00795a", "#2fd6a8", "2 2", 32, "c"},
    {"#a8467c", "#f0a0cb", "9 3 2 3", 35, "d"},
    {"#8a6d00", "#f0e442", "4 2", 93, "e"},
    {"#5b5bd6", "#a9a9ff", "12 4", 94, "f"},
    {"#555555", "#bbbbbb", "1 2", 37, "g"},
    {"#8b1e1e", "#ff7b7b", "6 2 1 2 1 2", 91, "h"},
}};

inline std::size_t place_of(int chosen, std::size_t position) {
  return (chosen >= 0 ? static_cast<std::size_t>(chosen) : position) % kPlaces;
}

// A marker of the place's form around a point, as SVG without fill or stroke.
std::string marker_path(std::size_t place, double x, double y, double radius);

// The rules of the classes svg() uses, with the colours as variables.
std::string style_rules();

// For XML text and attributes: entities in place of markup, nothing in place of control characters
// and of bytes that are not UTF-8.
std::string escape(std::string_view text);

}  // namespace treino::chart

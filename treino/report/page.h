// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "treino/report/tables.h"

namespace treino::report {

std::string escaped(std::string_view text);  // for HTML text and attributes
std::string html_table(const Table& table);  // empty for a table without rows
std::string page_style();                    // CSS of the page, beside that of the charts
// "data:text/csv;charset=utf-8,..." that a browser saves as a file, offline.
std::string data_address(std::string_view type, std::string_view contents);

}  // namespace treino::report

#pragma once
std::string bad();
